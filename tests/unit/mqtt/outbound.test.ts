import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { IConnackPacket, MqttClient, Packet } from 'mqtt';
import { type Parser, parser } from 'mqtt-packet';
import { Outbound } from '../../../src/mqtt/outbound.ts';
import { LAST_PUBLICATION_ID, PacketIds } from '../../../src/mqtt/packet-ids.ts';
import { PublishRefused, Reconnected } from '../../../src/mqtt/publish-errors.ts';
import type { WriteBatcher } from '../../../src/mqtt/write-batcher.ts';

const receiveMaximum = 3;
/** Publications whose bytes go to `write`. */
function publicationsTo(write: (bytes: Buffer) => void): Outbound {
  const stream = { writable: true, writableLength: 0, write };
  const turn = { schedule: () => undefined } as unknown as WriteBatcher;
  return new Outbound({ stream } as unknown as MqttClient, turn);
}

const acknowledgement = (cmd: 'puback' | 'pubcomp', messageId: number, reasonCode = 0): Packet =>
  ({ cmd, messageId, reasonCode }) as Packet;

/** A broker with the other half of each exchange. It may read, answer and lose its client at any time. */
class World {
  readonly outbound = publicationsTo((bytes) => void this.#parser?.parse(bytes));
  /** Accepted messages, in order. */
  readonly accepted: string[] = [];
  readonly confirmed: string[] = [];
  readonly #confirmations: Promise<void>[] = [];
  /** QoS 2: received, and not yet released, by packet id. */
  #half = new Map<number, string>();
  #toBroker: Packet[] = [];
  #toClient: Packet[] = [];
  /** Packet ids of this connection that the broker has not released. */
  #inFlight = new Set<number>();
  #parser: Parser | undefined;
  hasLostSession = false;
  readonly published: string[] = [];

  publish(qos: 1 | 2): void {
    const name = `message ${this.published.length} at QoS ${qos}`;
    this.published.push(name);
    const publication = { topic: 't', payload: Buffer.from(name), qos };
    this.#confirmations.push(this.outbound.publish(publication).then(() => void this.confirmed.push(name)));
  }

  /** Reads the next packet and prepares its answer. @returns whether there was one. */
  read(): boolean {
    const packet = this.#toBroker.shift();
    if (packet?.cmd === 'publish') this.#take(packet);
    else if (packet?.cmd === 'pubrel') {
      const { messageId = 0 } = packet;
      const name = this.#half.get(messageId);
      if (name !== undefined) this.accepted.push(name);
      this.#half.delete(messageId);
      this.#toClient.push(acknowledgement('pubcomp', messageId, name === undefined ? 0x92 : 0));
    }
    return packet !== undefined;
  }

  #take({ messageId = 0, qos, payload, dup }: Extract<Packet, { cmd: 'publish' }>): void {
    this.#inFlight.add(messageId);
    assert.ok(this.#inFlight.size <= receiveMaximum, 'more than the receive maximum');
    assert.ok(messageId >= 1 && messageId <= LAST_PUBLICATION_ID, `${messageId} is not for publications`);
    const name = String(payload);
    const taken = this.#half.get(messageId);
    if (taken !== undefined)
      assert.deepEqual([name, dup], [taken, true], 'an id in use means another message');
    else if (qos === 1) this.accepted.push(name);
    else this.#half.set(messageId, name);
    const answer = qos === 1 ? acknowledgement('puback', messageId) : { cmd: 'pubrec' as const, messageId };
    this.#toClient.push(answer);
  }

  /** The next answer reaches the client. @returns whether there was one. */
  answer(): boolean {
    const packet = this.#toClient.shift();
    if (packet === undefined) return false;
    if (packet.cmd !== 'pubrec') this.#inFlight.delete(packet.messageId ?? 0);
    this.outbound.received(packet);
    return true;
  }

  connect(sessionPresent: boolean): void {
    this.cut();
    if (!sessionPresent) {
      this.#half = new Map();
      this.hasLostSession = true;
    }
    this.#parser = parser({ protocolVersion: 5 });
    this.#parser.on('packet', (packet) => this.#toBroker.push(packet));
    const connack = { cmd: 'connack', sessionPresent, properties: { receiveMaximum } };
    this.outbound.connected(connack as IConnackPacket);
    this.outbound.opened();
  }

  /** Packets in flight are lost in both directions. */
  cut(): void {
    this.outbound.suspended('unrelated');
    this.#parser = undefined;
    this.#toBroker = [];
    this.#toClient = [];
    this.#inFlight = new Set();
  }

  async settle(): Promise<void> {
    this.connect(true);
    while (this.read() || this.answer());
    await Promise.all(this.#confirmations);
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(1 as const, 2 as const).map((qos) => (world: World) => world.publish(qos)),
  },
  { weight: 10, arbitrary: fc.constant((world: World) => void world.read()) },
  { weight: 10, arbitrary: fc.constant((world: World) => void world.answer()) },
  { weight: 2, arbitrary: fc.constant((world: World) => world.connect(true)) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.cut()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.connect(false)) },
);

test('wherever the connection breaks, publications at one QoS are accepted in order and confirmed once, at QoS 2 accepted once while the session lasts', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 100, size: 'max' }), async (steps) => {
    const world = new World();
    for (const take of steps) take(world);
    const { hasLostSession } = world;
    await world.settle();
    const first = [...new Set(world.accepted)];
    for (const qos of [1, 2]) {
      const published = world.published.filter((name) => name.endsWith(` ${qos}`));
      assert.deepEqual(
        first.filter((name) => name.endsWith(` ${qos}`)),
        published,
      );
    }
    assert.deepEqual(world.confirmed.toSorted(), first.toSorted());
    const exactlyOnce = world.accepted.filter((name) => name.endsWith('2'));
    if (!hasLostSession) assert.equal(new Set(exactlyOnce).size, exactlyOnce.length);
    assert.equal(world.outbound.idle, true);
  });
  await fc.assert(property, { numRuns: 2000 });
});

interface Sent {
  readonly outbound: Outbound;
  readonly ids: number[];
}

function open(properties: IConnackPacket['properties'] = {}): Sent {
  const ids: number[] = [];
  const reading = parser({ protocolVersion: 5 });
  reading.on('packet', ({ messageId = 0 }) => ids.push(messageId));
  const outbound = publicationsTo((bytes) => void reading.parse(bytes));
  outbound.connected({ cmd: 'connack', sessionPresent: false, properties } as IConnackPacket);
  outbound.opened();
  return { outbound, ids };
}

const publication = { topic: 't', payload: Buffer.from('p'), qos: 1 as const };

test('a packet id that the broker has not confirmed is not reused when all others were', async () => {
  const { outbound, ids } = open();
  void outbound.publish(publication);
  const [held] = ids;
  for (let count = 0; count < LAST_PUBLICATION_ID + 10; count++) {
    const published = outbound.publish(publication);
    outbound.received(acknowledgement('puback', ids.at(-1) ?? 0));
    await published;
  }
  assert.equal(ids.filter((id) => id === held).length, 1);
  assert.equal(new Set(ids).size, LAST_PUBLICATION_ID);
});

test('a publish that is too large for the broker is refused, and the next is sent', async () => {
  const { outbound, ids } = open({ maximumPacketSize: 100 });
  const refused = (error: unknown): boolean => error instanceof PublishRefused && error.reasonCode === 0x95;
  await assert.rejects(outbound.publish({ ...publication, payload: Buffer.alloc(101) }), refused);
  await assert.rejects(outbound.publish({ ...publication, topic: 'x'.repeat(65_536) }), refused);
  void outbound.publish(publication);
  assert.equal(ids.length, 1);
});

test('a broker with a maximum QoS of 0 gets that, and nothing waits for it', async () => {
  const { outbound, ids } = open({ maximumQoS: 0 });
  await outbound.publish(publication);
  assert.deepEqual([ids, outbound.idle], [[0], true]);
});

test('a publication that must not be sent again is rejected by the next connection, whether it was sent or waiting', async () => {
  const sent: string[] = [];
  const reading = parser({ protocolVersion: 5 });
  reading.on('packet', (packet) =>
    sent.push(packet.cmd === 'publish' ? `${packet.payload} ${packet.qos}` : ''),
  );
  const outbound = publicationsTo((bytes) => void reading.parse(bytes));
  const connack = { cmd: 'connack', sessionPresent: true, properties: {} } as IConnackPacket;
  const publish = (name: string, resend: boolean) =>
    outbound.publish({ ...publication, qos: 2, payload: Buffer.from(name), resend });
  outbound.connected(connack);
  outbound.opened();
  const kept = publish('kept', true);
  const once = publish('once', false);
  outbound.suspended('unrelated');
  const late = publish('late', false);
  const rejected = Promise.all([once, late].map((each) => assert.rejects(each, Reconnected)));
  outbound.connected(connack);
  outbound.opened();
  await rejected;
  assert.deepEqual(sent, ['kept 2', 'once 1', 'kept 2']);
  outbound.close();
  await assert.rejects(kept);
});

test('subscribing never uses the packet id of a publication', () => {
  const ids = new PacketIds();
  for (let count = 0; count < 70_000; count++) {
    const id = ids.allocate();
    assert.ok(id > LAST_PUBLICATION_ID && id <= 65_535);
    assert.equal(ids.getLastAllocated(), id);
  }
});
