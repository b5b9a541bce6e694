import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Acknowledgements, type Unacknowledged } from '../../../src/mqtt/acknowledgements.ts';

const IDS = 2; // Instead of 65,535, so that ids are often reused.
const TOPIC = 't';

interface Message {
  readonly id: number;
  readonly payload: Buffer;
  /** The connection that its PUBLISH last went out on; 0 = none yet. */
  sentOn: number;
  handled: boolean;
  handedOut: number;
  /** How often a PUBACK of its id was lost with the connection: a redelivery is then not surely recognized. */
  lostPubacks: number;
}

/** A broker that numbers and redelivers like Mosquitto, and the client's list, checked against each other. */
class World {
  readonly book = new Acknowledgements();
  readonly inWork: { message: Message; entry: Unacknowledged }[] = [];
  session: Message[] = [];
  connection = 0;
  up = false;
  nextId = 1;
  count = 0;

  accept(): void {
    const payload = Buffer.from(`message ${this.count++}`);
    this.session.push({ id: this.nextId, payload, sentOn: 0, handled: false, handedOut: 0, lostPubacks: 0 });
    this.nextId = (this.nextId % IDS) + 1;
  }

  /** The broker sends the next message that this connection has not had, in the order of their arrival. */
  send(): boolean {
    const message = this.session.find(({ sentOn }) => sentOn !== this.connection);
    if (!this.up || !message) return false;
    message.sentOn = this.connection;
    if (this.book.resent(message.id, TOPIC, message.payload)) return true;
    message.handedOut++;
    message.handled = false;
    assert.ok(message.handedOut <= 1 + message.lostPubacks, `${message.payload} is handed out again`);
    this.inWork.push({ message, entry: this.book.add(message.id, TOPIC, message.payload) });
    return true;
  }

  finish(nth: number): void {
    const [done] = this.inWork.splice(nth % Math.max(1, this.inWork.length), 1);
    if (!done) return;
    done.message.handled = true;
    this.book.handled(done.entry);
  }

  flush(lost: boolean): void {
    const bytes = this.book.take();
    if (!bytes) return;
    assert.ok(this.up, 'a PUBACK is written without a connection');
    assert.equal(bytes.length % 4, 0);
    const taken = new Set<Message>();
    for (let at = 0; at < bytes.length; at += 4) {
      assert.equal(bytes.readUInt16BE(at), 0x4002);
      const id = bytes.readUInt16BE(at + 2);
      const message = this.session.find((m) => m.id === id && m.sentOn === this.connection && !taken.has(m));
      assert.ok(message, `a PUBACK for ${id}, which is not on this connection`);
      assert.ok(message.handled, `a PUBACK for ${message.payload}, which is still in work`);
      taken.add(message);
      if (lost) for (const other of this.session) if (other.id === id) other.lostPubacks++;
    }
    if (lost) this.drop();
    else this.session = this.session.filter((message) => !taken.has(message));
  }

  connect(sessionPresent: boolean): void {
    if (this.up) this.drop();
    if (!sessionPresent) {
      this.session = [];
      this.nextId = 1;
    }
    this.connection++;
    this.up = true;
    this.book.connected(sessionPresent);
  }

  /** The broker answers SUBSCRIBE after it has sent its old messages again. */
  confirmSubscription(): void {
    if (!this.up) return;
    this.sendAll();
    this.book.stable();
  }

  drop(): void {
    if (this.up) this.book.disconnected();
    this.up = false;
  }

  /** The broker comes back without some of its messages, and reuses their ids. */
  forget(kept: readonly boolean[]): void {
    this.drop();
    this.session = this.session.filter((_message, n) => kept[n]);
    this.nextId = ((this.session.at(-1)?.id ?? 0) % IDS) + 1;
    this.connect(true);
  }

  sendAll(): void {
    while (this.send());
  }

  /** Lets everything complete. */
  settle(): void {
    this.connect(true);
    this.confirmSubscription();
    while (this.inWork.length > 0) this.finish(0);
    this.flush(false);
  }
}

const step = fc.oneof(
  { weight: 10, arbitrary: fc.constant((world: World) => world.accept()) },
  { weight: 10, arbitrary: fc.constant((world: World) => void world.send()) },
  { weight: 10, arbitrary: fc.nat({ max: 20 }).map((nth) => (world: World) => world.finish(nth)) },
  { weight: 3, arbitrary: fc.constant((world: World) => world.flush(false)) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.flush(true)) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.connect(true)) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.connect(false)) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.confirmSubscription()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.drop()) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.boolean(), { minLength: 8, maxLength: 8 })
      .map((kept) => (world: World) => world.forget(kept)),
  },
);

test('in any order of resends, reused ids, lost and resumed sessions no message is delivered twice or confirmed unhandled, and all are confirmed or dropped', () => {
  const property = fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
    const world = new World();
    world.connect(false);
    for (const take of steps) take(world);
    world.settle();
    assert.deepEqual(world.session, [], 'the broker still waits for PUBACKs');
    world.settle();
    world.settle();
    assert.equal(world.book.ackPending, 0);
    assert.equal(world.book.due, false);
  });
  fc.assert(property, { numRuns: 3000 });
});

const book = (): Acknowledgements => {
  const acknowledgements = new Acknowledgements();
  acknowledgements.connected(false);
  return acknowledgements;
};
const payload = Buffer.from('x');

test('many acknowledgements are written as one run of PUBACK packets, in the order in which the work was done', () => {
  const acknowledgements = book();
  const [first, second] = [
    acknowledgements.add(1, TOPIC, payload),
    acknowledgements.add(0xabcd, TOPIC, payload),
  ];
  acknowledgements.handled(second);
  acknowledgements.handled(first);
  assert.equal(acknowledgements.ackPending, 2);
  assert.equal(acknowledgements.take()?.toString('hex'), '4002abcd40020001');
  assert.equal(acknowledgements.take(), undefined);
  assert.equal(acknowledgements.ackPending, 0);
});

test('work finished on a later connection is acknowledged there only after the broker has sent the message again', () => {
  const acknowledgements = book();
  const message = acknowledgements.add(1, TOPIC, payload);
  acknowledgements.disconnected();
  acknowledgements.connected(true);
  acknowledgements.handled(message);
  assert.equal(acknowledgements.take(), undefined);
  assert.equal(acknowledgements.resent(1, TOPIC, payload), true);
  assert.equal(acknowledgements.take()?.toString('hex'), '40020001');
});

test('another message under the same id on a newer connection is new, and is not confirmed by the work on the old one', () => {
  const acknowledgements = book();
  const old = acknowledgements.add(1, TOPIC, payload);
  acknowledgements.connected(true);
  assert.equal(acknowledgements.resent(1, TOPIC, Buffer.from('y')), false);
  const recent = acknowledgements.add(1, TOPIC, Buffer.from('y'));
  acknowledgements.handled(old);
  assert.equal(acknowledgements.take(), undefined);
  acknowledgements.handled(recent);
  assert.equal(acknowledgements.take()?.toString('hex'), '40020001');
});

test('a message under an id that is still in work on the same connection is confirmed after the older one', () => {
  const acknowledgements = book();
  const older = acknowledgements.add(1, TOPIC, payload);
  assert.equal(acknowledgements.resent(1, TOPIC, payload), false);
  const newer = acknowledgements.add(1, TOPIC, payload);
  acknowledgements.handled(newer);
  assert.equal(acknowledgements.take(), undefined);
  acknowledgements.handled(older);
  assert.equal(acknowledgements.take()?.toString('hex'), '4002000140020001');
});

test('without a session the old ids confirm nothing', () => {
  const acknowledgements = book();
  const old = acknowledgements.add(1, TOPIC, payload);
  acknowledgements.connected(false);
  const recent = acknowledgements.add(1, TOPIC, payload);
  acknowledgements.handled(old);
  assert.equal(acknowledgements.take(), undefined);
  acknowledgements.handled(recent);
  assert.equal(acknowledgements.take()?.toString('hex'), '40020001');
});

test('a message in work is recognized after any number of connections without it', () => {
  const acknowledgements = book();
  const message = acknowledgements.add(1, TOPIC, payload);
  for (let connections = 0; connections < 3; connections++) {
    acknowledgements.disconnected();
    acknowledgements.connected(true);
    acknowledgements.stable();
  }
  assert.equal(acknowledgements.resent(1, TOPIC, payload), true);
  acknowledgements.handled(message);
  assert.equal(acknowledgements.take()?.toString('hex'), '40020001');
});
