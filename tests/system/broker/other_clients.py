"""Ask with Eclipse Paho: publish each file in turn, print each answer in hexadecimal.

Usage: other_clients.py <port> <3.1.1|5> <client id> <file>...
"""

import queue
import sys

import paho.mqtt.client as mqtt

port, version, client_id, *files = sys.argv[1:]

answers = queue.Queue()
subscribed = queue.Queue()

client = mqtt.Client(
    client_id=client_id, protocol=mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311
)
client.on_message = lambda _client, _data, message: answers.put(message.payload)
client.on_subscribe = lambda *_: subscribed.put(True)
client.connect("127.0.0.1", int(port))
client.loop_start()
client.subscribe(f"actions/1/api/{client_id}", qos=2)
subscribed.get(timeout=10)

for path in files:
    with open(path, "rb") as file:
        client.publish("events/1//api/anon//", file.read(), qos=2)
    print(answers.get(timeout=10).hex())

client.disconnect()
client.loop_stop()
