/** Finds the publication at which a broker ends connections, and drops no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { IConnackPacket, MqttClient, Packet } from 'mqtt';
import { type Parser, parser } from 'mqtt-packet';
import { Outbound } from '../../../src/mqtt/outbound.ts';
import { PublishRefused, Reconnected } from '../../../src/mqtt/publish-errors.ts';
import type { Ending } from '../../../src/mqtt/suspects.ts';
import type { WriteBatcher } from '../../../src/mqtt/write-batcher.ts';

/** A broker that ends the connection at each publish of `poison`, and accepts all others. */
class Broker {
  readonly outbound: Outbound;
  readonly outcomes = new Map<string, 'confirmed' | 'refused'>();
  readonly published: string[] = [];
  /** Connections that it has ended at a publish. */
  ended = 0;
  maxInFlight = 0;
  readonly #ending: Ending;
  #parser: Parser | undefined;
  #toBroker: Packet[] = [];

  constructor(ending: Ending) {
    this.#ending = ending;
    const stream = {
      writable: true,
      writableLength: 0,
      write: (bytes: Buffer) => this.#parser?.parse(bytes),
    };
    const turn = { schedule: () => undefined } as unknown as WriteBatcher;
    this.outbound = new Outbound({ stream } as unknown as MqttClient, turn);
  }

  publish(qos: 0 | 1 | 2, kind: 'innocent' | 'poison' = 'innocent'): void {
    const name = `${kind} ${this.published.length}`;
    this.published.push(name);
    this.outbound.publish({ topic: 't', payload: Buffer.from(name), qos }).then(
      () => this.outcomes.set(name, 'confirmed'),
      (error) => {
        assert.ok(error instanceof PublishRefused);
        this.outcomes.set(name, 'refused');
      },
    );
  }

  connect({ sessionPresent = true, proven = true } = {}): void {
    if (this.#parser) this.cut('unrelated');
    this.#parser = parser({ protocolVersion: 5 });
    this.#parser.on('packet', (packet) => this.#toBroker.push(packet));
    this.outbound.connected({ cmd: 'connack', sessionPresent } as IConnackPacket);
    this.outbound.opened();
    if (proven) this.outbound.proven();
  }

  cut(ending: Ending): void {
    this.#parser = undefined;
    this.#toBroker = [];
    this.outbound.suspended(ending);
  }

  /** Reads one packet. @returns whether there was one. */
  read(): boolean {
    this.maxInFlight = Math.max(this.maxInFlight, this.#toBroker.length);
    const packet = this.#toBroker.shift();
    if (packet === undefined) return false;
    const { messageId = 0 } = packet;
    if (packet.cmd === 'pubrel') this.outbound.received({ cmd: 'pubcomp', messageId } as Packet);
    if (packet.cmd !== 'publish') return true;
    if (String(packet.payload).startsWith('poison')) {
      this.ended++;
      this.cut(this.#ending);
    } else if (packet.qos > 0) {
      this.outbound.received({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId } as Packet);
    }
    return true;
  }

  /** Runs until nothing is left to send. */
  async settle(): Promise<void> {
    for (let tries = 0; tries < 500 && !this.outbound.idle; tries++) {
      if (!this.#parser) this.connect();
      while (this.read());
      await Promise.resolve();
      if (!this.outbound.idle && this.#parser) this.connect();
    }
    await new Promise(setImmediate);
  }
}

const qos = fc.constantFrom(1 as const, 2 as const);
/** Faults of connections that no publication causes. */
const mishap = fc.constantFrom<(broker: Broker) => void>(
  (broker) => broker.connect(),
  (broker) => broker.connect({ sessionPresent: false }),
  (broker) => broker.connect({ proven: false }),
  (broker) => broker.cut('unrelated'),
  (broker) => {
    broker.cut('closed');
    broker.outbound.suspended('unrelated'); // It is unreachable for a while.
  },
);
const step = (poison: boolean) =>
  fc.oneof(
    { weight: 6, arbitrary: qos.map((level) => (broker: Broker) => broker.publish(level)) },
    {
      weight: poison ? 1 : 0,
      arbitrary: qos.map((level) => (broker: Broker) => broker.publish(level, 'poison')),
    },
    { weight: 12, arbitrary: fc.constant((broker: Broker) => void broker.read()) },
    { weight: 3, arbitrary: mishap },
  );

for (const ending of ['blamed', 'closed'] as const) {
  test(`with any other fault, publications at which the connection is ${ending} are dropped, and all others confirmed`, async () => {
    const property = fc.asyncProperty(fc.array(step(true), { maxLength: 80, size: 'max' }), async (steps) => {
      const broker = new Broker(ending);
      for (const take of steps) take(broker);
      await broker.settle();
      const expected = broker.published.map((name) => [
        name,
        name.startsWith('poison') ? 'refused' : 'confirmed',
      ]);
      assert.deepEqual([...broker.outcomes].toSorted(), expected.toSorted());
    });
    await fc.assert(property, { numRuns: 500 });
  });
}

test('two cut wires that look like a close by the broker drop nothing, at any position', async () => {
  const closed = fc.constant((broker: Broker) => {
    broker.cut('closed');
    broker.connect();
  });
  const steps = fc.array(step(false), { maxLength: 40 });
  const property = fc.asyncProperty(steps, steps, steps, closed, async (before, between, after, cut) => {
    const broker = new Broker('closed');
    for (const take of [...before, cut, ...between, cut, ...after]) take(broker);
    await broker.settle();
    assert.ok([...broker.outcomes.values()].every((outcome) => outcome === 'confirmed'));
    assert.equal(broker.outcomes.size, broker.published.length);
  });
  await fc.assert(property, { numRuns: 500 });
});

for (const [ending, max] of [
  ['blamed', 2],
  ['closed', 4],
] as const) {
  test(`one bad publication in a hundred costs ${max} connections that are ${ending}, and then all go at full speed`, async () => {
    const broker = new Broker(ending);
    broker.connect();
    for (let count = 0; count < 100; count++) broker.publish(1, count === 40 ? 'poison' : 'innocent');
    while (broker.read());
    while (broker.outcomes.size < 41) {
      broker.connect();
      broker.maxInFlight = 0;
      while (broker.read());
      await Promise.resolve();
    }
    assert.equal(broker.ended, max);
    await broker.settle();
    assert.equal([...broker.outcomes.values()].filter((outcome) => outcome === 'refused').length, 1);
    broker.maxInFlight = 0;
    for (let count = 0; count < 50; count++) broker.publish(1);
    await broker.settle();
    assert.equal(broker.maxInFlight, 50);
  });
}

test('suspects wait until the connection has proved to work, and go one at a time', () => {
  const broker = new Broker('closed');
  broker.connect();
  for (let count = 0; count < 10; count++) broker.publish(1);
  broker.cut('closed');
  broker.connect({ proven: false });
  assert.equal(broker.read(), false);
  broker.outbound.proven();
  broker.maxInFlight = 0;
  while (broker.read());
  assert.equal(broker.maxInFlight, 1);
  assert.equal(broker.outbound.idle, true);
});

test('a broker that restarts at each try, or a keep-alive that expires, proves nothing', async () => {
  for (const end of [
    (broker: Broker) => broker.cut('unrelated'),
    (broker: Broker) => {
      broker.cut('closed');
      broker.outbound.suspended('unrelated');
    },
    (broker: Broker) => {
      broker.cut('closed');
      broker.connect({ sessionPresent: false });
    },
  ]) {
    const broker = new Broker('closed');
    broker.connect();
    broker.publish(1);
    for (let count = 0; count < 20; count++) {
      end(broker);
      broker.connect();
    }
    await broker.settle();
    assert.deepEqual([...broker.outcomes.values()], ['confirmed']);
  }
});

test('a bad publication that is repeated on each connection is found too, and then all go at full speed', async () => {
  for (const ending of ['blamed', 'closed'] as const) {
    const broker = new Broker(ending);
    let tries = 0;
    const publishAnew = async (again?: object): Promise<unknown> => {
      tries++;
      const publication = { topic: 't', payload: Buffer.from('poison'), qos: 1 as const, resend: false };
      const published = broker.outbound.publish(
        again === undefined ? publication : { ...publication, again },
      );
      return published.catch((error: unknown) =>
        error instanceof Reconnected ? publishAnew(error.subject) : error,
      );
    };
    broker.connect();
    broker.publish(1);
    const outcome = publishAnew();
    for (let count = 0; count < 20; count++) {
      while (broker.read());
      broker.connect();
      await new Promise(setImmediate);
    }
    assert.ok((await outcome) instanceof PublishRefused);
    assert.ok(tries <= 5, `${tries} tries`);
    broker.maxInFlight = 0;
    for (let count = 0; count < 9; count++) broker.publish(1);
    await broker.settle();
    assert.equal(broker.maxInFlight, 9);
  }
});
