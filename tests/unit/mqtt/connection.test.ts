import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type BrokerConnection, connectBroker, type Delivery } from '../../../src/mqtt/connection.ts';
import { eventually } from '../../harness/eventually.ts';

const CONNECT = 0x10;
const PUBLISH = 0x30;
const PUBLISH_QOS1 = 0x32;
const SUBSCRIBE = 0x82;
const UNSUBSCRIBE = 0xa2;
const PINGREQ = 0xc0;
const DISCONNECT = 0xe0;
const ACCEPTED = '2003000000';
const SESSION_PRESENT = '2003010000';

/** A minimal broker that sends what a real one sends only in trouble. Reads only small packets. */
class ScriptedBroker {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  readonly seen: number[] = [];
  url = '';
  connack = ACCEPTED;
  /** Reason codes of the next SUBACKs; later ones are granted. */
  refusals: number[] = [];
  answersPings = true;
  /** The reason code of each PUBACK; none is sent by default. */
  puback: number | undefined;

  constructor() {
    this.server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined).on('data', (bytes) => this.#read(socket, bytes));
    });
  }

  static async start(t: TestContext): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker();
    broker.server.listen(0, '127.0.0.1');
    await once(broker.server, 'listening');
    broker.url = `mqtt://127.0.0.1:${(broker.server.address() as AddressInfo).port}`;
    t.after(() => {
      broker.server.close();
      for (const socket of broker.sockets) socket.destroy();
    });
    return broker;
  }

  #read(socket: Socket, bytes: Buffer): void {
    // A chunk may end inside a packet; the tests read only short ones, which come whole.
    for (let at = 0; at + 1 < bytes.length; at += 2 + bytes.readUInt8(at + 1)) {
      const type = bytes.readUInt8(at);
      this.seen.push(type & 0xf0);
      if (type === CONNECT) socket.write(Buffer.from(this.connack, 'hex'));
      if (type === PINGREQ && this.answersPings) socket.write(Buffer.from([0xd0, 0]));
      if (type === SUBSCRIBE) {
        const [high, low] = [bytes.readUInt8(at + 2), bytes.readUInt8(at + 3)];
        socket.write(Buffer.from([0x90, 4, high, low, 0, this.refusals.shift() ?? 1]));
      }
      if (type === UNSUBSCRIBE)
        socket.write(Buffer.from([0xb0, 4, bytes.readUInt8(at + 2), bytes.readUInt8(at + 3), 0, 0x11]));
      if (type === PUBLISH_QOS1 && this.puback !== undefined) {
        const id = at + 4 + bytes.readUInt16BE(at + 2);
        socket.write(Buffer.from([0x40, 3, bytes.readUInt8(id), bytes.readUInt8(id + 1), this.puback]));
      }
    }
  }

  /** A QoS 1 PUBLISH to topic `t`. */
  send(id: number, payload: string): void {
    const body = Buffer.concat([Buffer.from([0, 1, 0x74, id >> 8, id & 0xff, 0]), Buffer.from(payload)]);
    this.sockets.at(-1)?.write(Buffer.concat([Buffer.from([0x32, body.length]), body]));
  }
}

function connectTo(
  t: TestContext,
  broker: { url: string },
  onDelivery: (delivery: Delivery) => void = () => undefined,
  keepaliveSeconds = 60,
): { connection: BrokerConnection; causes: (string | undefined)[] } {
  const limits = { receiveMaximum: 2, sessionExpirySeconds: 60, keepaliveSeconds };
  const options = { url: broker.url, clientId: 'w', filter: '$share/profile/t', ...limits };
  const connection = connectBroker({ ...options, username: 'u', password: 'p' }, onDelivery);
  const causes: (string | undefined)[] = [];
  connection.onState(({ cause }) => causes.push(cause));
  t.after(() => connection.close());
  return { connection, causes };
}

test('a refused subscription, or one granted at QoS 0 only, is a cause, and is tried again', async (t) => {
  const broker = await ScriptedBroker.start(t);
  broker.refusals = [0x87, 0];
  const { connection, causes } = connectTo(t, broker);
  await eventually('subscribed', () => connection.state.subscribed);
  assert.deepEqual(causes, [
    'subscribing',
    'subscription refused: not authorized',
    'subscription refused: granted without acknowledgements (QoS 0)',
    undefined,
  ]);
  assert.equal(broker.sockets.length, 1);
});

test('a refused connection is a cause, and is tried again', async (t) => {
  const broker = await ScriptedBroker.start(t);
  broker.connack = '2003008600';
  const { connection, causes } = connectTo(t, broker);
  await eventually(
    'refused',
    () => connection.state.cause === 'connection refused: bad user name or password',
  );
  broker.connack = ACCEPTED;
  await eventually('subscribed', () => connection.state.subscribed);
  assert.equal(causes.at(-1), undefined);
});

test('an absent broker is a cause', async (t) => {
  const broker = await ScriptedBroker.start(t);
  broker.server.close();
  const { connection } = connectTo(t, broker);
  await eventually('refused', () => connection.state.cause === 'connection refused');
});

test("a publish larger than the broker's limit is refused here, so that the connection survives", async (t) => {
  const broker = await ScriptedBroker.start(t);
  broker.connack = '200800000527000001f4'; // Maximum Packet Size 500
  const { connection } = connectTo(t, broker);
  await eventually('subscribed', () => connection.state.subscribed);
  const large = { topic: 't', payload: Buffer.alloc(500), qos: 1 } as const;
  await assert.rejects(connection.publish(large), { name: 'PublishRefused', reasonCode: 0x95 });
  await connection.publish({ topic: 't', payload: Buffer.alloc(100), qos: 0 });
  await eventually('the small one arrives', () => broker.seen.includes(PUBLISH));
});

test('after a packet that cannot be read the connection is a new one at once, and what the broker refused so is dropped', async (t) => {
  const broker = await ScriptedBroker.start(t);
  broker.puback = 0x8f; // none of a PUBACK
  const { connection, causes } = connectTo(t, broker);
  await eventually('subscribed', () => connection.state.subscribed);
  broker.connack = SESSION_PRESENT;
  await assert.rejects(connection.publish({ topic: 't', payload: Buffer.from('x'), qos: 1 }), {
    message: 'publish refused: the broker ends the connection at it',
  });
  assert.ok(causes.includes('the broker sent a packet that cannot be read'));
  assert.ok(!causes.some((cause) => cause?.includes('keep-alive')));
});

test('publishes wait while the broker does not read, instead of filling the socket buffer', async (t) => {
  const broker = await ScriptedBroker.start(t);
  const { connection } = connectTo(t, broker);
  await eventually('subscribed', () => connection.state.subscribed);
  const [socket] = broker.sockets;
  socket?.removeAllListeners('data').pause();
  const payload = Buffer.alloc(64 * 1024);
  let [published, read] = [0, 0];
  const publishing = Array.from({ length: 1000 }, () =>
    connection.publish({ topic: 't', payload, qos: 0 }).then(() => published++),
  );
  for (let before = -1; before !== published; await delay(100)) before = published;
  assert.ok(
    published > 0 && published < 900,
    `${published} of 1000 were written to a socket that nobody reads`,
  );
  socket?.on('data', (bytes) => {
    read += bytes.length;
  });
  socket?.resume();
  await Promise.all(publishing);
  await eventually('all arrive', () => read > 1000 * payload.length);
});

test('without a connection publishes wait, and close rejects the waiting ones', async (t) => {
  const broker = await ScriptedBroker.start(t);
  broker.server.close();
  const { connection } = connectTo(t, broker);
  const publishing = connection.publish({ topic: 't', payload: Buffer.alloc(1), qos: 0 });
  await Promise.all([connection.close(), assert.rejects(publishing, { name: 'ConnectionClosed' })]);
  assert.deepEqual(connection.state, { connected: false, subscribed: false, cause: 'closed' });
});

test('deliveries beyond the receive maximum wait their turn', async (t) => {
  const broker = await ScriptedBroker.start(t);
  const deliveries: Delivery[] = [];
  const { connection } = connectTo(t, broker, (delivery) => deliveries.push(delivery));
  await eventually('subscribed', () => connection.state.subscribed);
  for (const id of [1, 2, 3, 4]) broker.send(id, `${id}`);
  await eventually('4 in flight', () => connection.inFlight === 4);
  assert.equal(deliveries.length, 2);
  deliveries[1]?.acknowledge();
  assert.deepEqual(
    deliveries.map(({ payload }) => payload.toString()),
    ['1', '2', '3'],
  );
});

test('close sends no DISCONNECT, so that the broker keeps the session', async (t) => {
  const broker = await ScriptedBroker.start(t);
  const { connection } = connectTo(t, broker);
  await eventually('subscribed', () => connection.state.subscribed);
  await connection.close();
  assert.equal(broker.seen.includes(DISCONNECT), false);
});

test('a broker that is silent beyond the keep-alive time is replaced by a new connection, a busy one that answers pings is not', async (t) => {
  const broker = await ScriptedBroker.start(t);
  const { connection, causes } = connectTo(t, broker, (delivery) => delivery.acknowledge(), 1);
  await eventually('subscribed', () => connection.state.subscribed);
  for (let id = 1; broker.seen.filter((type) => type === PINGREQ).length < 3; id++) {
    broker.send(id, 'busy');
    await delay(50);
  }
  assert.equal(broker.sockets.length, 1);
  broker.answersPings = false;
  await eventually('a new connection', () => broker.sockets.length === 2);
  assert.ok(causes.includes('broker silent for longer than the keep-alive time'), causes.join());
});
