"""A client that knows nothing of this project: MQTT 3.1.1 over a plain socket, and its own codec for Erlang's terms.

It does as the clients in the field do: the user name is `api`, the client id begins with `emqttd_`, it never subscribes,
waits for a first profile, and publishes to one topic at QoS 2. It goes through all nine requests.

Usage: foreign_client.py [--phone] <port> <CA file, or - for no TLS>
       <client id>=<phone>=<token> of Olena, of Taras, and of Olena's new phone
With --phone it logs in with its number and subscribes, for brokers that don't hand answers over by themselves.
Prints a line for each step, `code?` where it needs the code from the mail on its standard input, and `done`.
"""

import socket
import ssl
import struct
import sys
import time


class Atom(str):
    """An Erlang atom."""


def encode_part(term):
    if isinstance(term, Atom):
        name = term.encode("latin-1")
        return struct.pack(">BH", 100, len(name)) + name
    if isinstance(term, bytes):
        return struct.pack(">BI", 109, len(term)) + term
    if isinstance(term, int):
        if 0 <= term < 256:
            return struct.pack(">BB", 97, term)
        size = (term.bit_length() + 7) // 8
        return struct.pack(">BBB", 110, size, 0) + term.to_bytes(size, "little")
    if isinstance(term, tuple):
        return struct.pack(">BB", 104, len(term)) + b"".join(map(encode_part, term))
    if not term:
        return b"\x6a"
    return struct.pack(">BI", 108, len(term)) + b"".join(map(encode_part, term)) + b"\x6a"


def encode(term):
    return b"\x83" + encode_part(term)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        part = self.data[self.at : self.at + count]
        if len(part) < count:
            raise ValueError("the term ends early")
        self.at += count
        return part

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def term(self):
        tag = self.number(1)
        if tag == 97:
            return self.number(1)
        if tag == 98:
            return struct.unpack(">i", self.take(4))[0]
        if tag == 110:
            size, sign = self.number(1), self.number(1)
            value = int.from_bytes(self.take(size), "little")
            return -value if sign else value
        if tag == 100:
            return Atom(self.take(self.number(2)).decode("latin-1"))
        if tag == 104:
            return tuple(self.term() for _ in range(self.number(1)))
        if tag == 106:
            return []
        if tag == 107:
            return list(self.take(self.number(2)))
        if tag == 108:
            items = [self.term() for _ in range(self.number(4))]
            if self.term() != []:
                raise ValueError("an improper list")
            return items
        if tag == 109:
            return self.take(self.number(4))
        raise ValueError(f"this client knows no tag {tag}")


def decode(data):
    reader = Reader(data)
    if reader.number(1) != 131:
        raise ValueError("no term")
    term = reader.term()
    if reader.at != len(data):
        raise ValueError("more than a term")
    return term


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class Client:
    """One connection. It is never subscribed to anything, unless it logs in with its number."""

    def __init__(self, port, ca_file, who):
        self.id, phone, token = who.split("=")
        self.phone = phone.encode()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        if ca_file != "-":
            context = ssl.create_default_context(cafile=ca_file)
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.packet_id = 0
        self.heard = []
        will = encode(profile(self.phone, b"offline", presence=Atom("offline"), status="update"))
        body = text("MQTT") + bytes([4, 0b11001110]) + struct.pack(">H", 60) + text(self.id)
        body += text(TOPIC) + struct.pack(">H", len(will)) + will + text(phone if SUBSCRIBES else "api") + text(token)
        self.send(0x10, body)
        kind, answer = self.receive()
        if kind != 0x20 or answer[1] != 0:
            raise ValueError(f"not let in: {answer!r}")
        if SUBSCRIBES:
            self.subscribe([f"actions/1/api/{self.id}", f"ses/{phone}"])

    def subscribe(self, filters):
        self.send(0x82, struct.pack(">H", 1) + b"".join(text(name) + b"\x01" for name in filters))
        while self.step() != 0x90:
            pass

    def send(self, first, body):
        size, rest = b"", len(body)
        while True:
            size += bytes([rest % 128 + (128 if rest > 127 else 0)])
            rest //= 128
            if rest == 0:
                break
        self.socket.sendall(bytes([first]) + size + body)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError(f"{self.id} is cut off")
            data += part
        return data

    def receive(self):
        first = self.exactly(1)[0]
        size, shift = 0, 0
        while True:
            byte = self.exactly(1)[0]
            size += (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, self.exactly(size)

    def step(self):
        """Takes one packet, and answers it as QoS wants it. Returns its first byte."""
        first, body = self.receive()
        if first & 0xF0 == 0x30:
            length = struct.unpack(">H", body[:2])[0]
            topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
            qos = first >> 1 & 3
            if qos > 0:
                self.send(0x40 if qos == 1 else 0x50, rest[:2])
                rest = rest[2:]
            self.heard.append((topic, decode(rest)))
        elif first == 0x50:
            self.send(0x62, body[:2])
        elif first == 0x62:
            self.send(0x70, body[:2])
        return first

    def publish(self, term):
        self.packet_id += 1
        self.send(0x34, text(TOPIC) + struct.pack(">H", self.packet_id) + encode(term))
        while self.step() != 0x70:
            pass

    def hear(self, topic):
        """The next message on this topic."""
        while True:
            for index, (heard, term) in enumerate(self.heard):
                if heard == topic:
                    del self.heard[index]
                    return term
            self.step()

    def ask(self, term):
        self.publish(term)
        return self.hear(f"actions/1/api/{self.id}")

    def notice(self):
        return self.hear(f"ses/{self.phone.decode()}")


TOPIC = "events/1//api/anon//"
SUBSCRIBES = "--phone" in sys.argv


def profile(phone, _about=b"", services=[], rosters=[], update=0, presence=[], status="get"):
    return (Atom("Profile"), phone, services, rosters, [], update, 0, presence, Atom(status))


def roster(number, names, phone_id):
    contact = (Atom("Contact"), phone_id, [], names, [], [], [], [], [], 0, [], 0, [], [], Atom("friend"))
    return (Atom("Roster"), number, names, [], [], [], [contact], [], [], [], [], [], 0, [])


def service(address, data=[]):
    return (Atom("Service"), address, Atom("email"), data, [], [], [], [])


def ok(word):
    return (Atom("io"), (Atom("ok"), Atom(word)), b"")


def check(about, condition, seen):
    if not condition:
        raise AssertionError(f"{about}: {seen!r}")
    print(about, flush=True)


def is_profile(term, status, phone):
    return term[0] == "Profile" and term[-1] == status and term[1] == phone


def main():
    port, ca_file, *people = [word for word in sys.argv[1:] if word != "--phone"]
    olena, taras, new = [Client(int(port), ca_file, who) for who in people]
    address = b"olena." + olena.phone + b"@example.org"

    for client in () if SUBSCRIBES else (olena, taras, new):
        answer = client.hear(f"actions/1/api/{client.id}")
        check("a first answer, unasked", answer == (Atom("io"), (Atom("error"), Atom("not_found")), b""), answer)
    answer = olena.ask(profile(olena.phone))
    check("get, nothing is stored", answer == (Atom("io"), (Atom("error"), Atom("not_found")), b""), answer)
    rosters = [roster(1, b"Olena", taras.phone + b"_7")]
    answer = olena.ask(profile(olena.phone, rosters=rosters, status="set"))
    check("set", is_profile(answer, "set", olena.phone) and answer[3][0][6][0][1] == taras.phone + b"_7", answer)
    taras.ask(profile(taras.phone, rosters=[roster(7, b"Taras", olena.phone + b"_1")], status="set"))
    answer = olena.ask(profile(olena.phone))
    check("get", is_profile(answer, "get", olena.phone), answer)
    now = int(time.time() * 1000)
    answer = olena.ask(profile(olena.phone, update=now, presence=Atom("online"), status="update"))
    check("update", is_profile(answer, "update", olena.phone) and answer[7] == "online", answer)
    notice = taras.notice()
    check("update, the friend's notice", notice[1] == olena.phone + b"_1" and notice[13] == "online", notice)

    answer = olena.ask(profile(olena.phone, services=[service(address)], status="link"))
    check("link", answer == ok("email_sent"), answer)
    print("code?", flush=True)
    code = sys.stdin.readline().strip().encode()
    answer = olena.ask(profile(olena.phone, services=[service(address, code)], status="email"))
    check("email", answer == ok("verified"), answer)
    answer = olena.ask(profile(olena.phone, status="aws"))
    if answer[2][-1] == "added":
        answer = olena.hear(f"actions/1/api/{olena.id}")
    check("aws", answer[1] == ok("aws")[1] and answer[2][-1] == "verified" and answer[2][1] != [], answer[:2])

    answer = olena.ask(profile(new.phone, update=now, status="migrate"))
    check("migrate", answer == ok("migration"), answer)
    answer = new.ask(profile(new.phone, status="phone"))
    check("phone", is_profile(answer, "phone", new.phone), answer)
    while notice[1] != new.phone + b"_1":
        notice = taras.notice()
    check("phone, the friend's notice", notice[0] == "Contact", notice)
    answer = new.ask(profile(new.phone, status="remove"))
    check("remove", is_profile(answer, "remove", new.phone), answer)
    while notice[-1] != "deleted" or notice[1] != new.phone + b"_1":
        notice = taras.notice()
    check("remove, the friend's notice", notice[0] == "Contact", notice)
    print("done", flush=True)


main()
