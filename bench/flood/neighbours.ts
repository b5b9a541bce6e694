/**
 * The process of the honest phones. Each sends `get` at a steady rate, whether earlier ones were answered or not; latencies
 * count from when a request was due.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type BrokerAddress, Device } from '../load/device.ts';
import { seedOf, workloadOf } from '../workloads.ts';
import { isProfile, type Session, topicOf } from './session.ts';

export type NeighbourOrder =
  | { readonly connect: { readonly address: BrokerAddress; readonly sessions: readonly Session[] } }
  | { readonly measure: { readonly seconds: number; readonly perSecond: number } };

export interface Measured {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the requests that were due in the first second. */
  readonly firstSecondP99Ms: number;
  /** Requests without a profile as their answer: refused, or not answered within the patience. */
  readonly unanswered: number;
}

/** So long after the last request answers still count. */
const patienceMs = 10_000;

class Neighbour {
  readonly #device: Device;
  readonly #request: Buffer;
  /** When requests were due that have no answer yet, oldest first; the first of them is with the broker. */
  readonly #due: number[] = [];
  onAnswer: (milliseconds: number, isServed: boolean) => void = () => undefined;

  private constructor(device: Device, phone: string) {
    this.#device = device;
    this.#request = workloadOf('get', phone, 0).request;
    device.onBroken = (error) => fail(error);
  }

  static async connect(address: BrokerAddress, session: Session): Promise<Neighbour> {
    const { client, phone, token } = session;
    const login = { username: phone, password: token };
    const device = await Device.connect(address, client, {
      qos: 1,
      numbers: [],
      login,
      topic: topicOf(session),
    });
    const neighbour = new Neighbour(device, phone);
    if (!isProfile(await device.answer(seedOf(phone, 0).request)))
      throw new Error('a neighbour has no profile');
    return neighbour;
  }

  ask(due: number): void {
    this.#due.push(due);
    if (this.#due.length === 1) this.#send();
  }

  #send(): void {
    this.#device.ask(this.#request, (answer) => {
      if (answer.includes('not_authorized')) return false; // what somebody else sent in its name
      const due = this.#due.shift() ?? 0;
      this.onAnswer(performance.now() - due, isProfile(answer));
      if (this.#due.length > 0) this.#send();
      return true;
    });
  }

  get unanswered(): number {
    return this.#due.length;
  }
}

let neighbours: Neighbour[] = [];

async function measure(seconds: number, perSecond: number): Promise<Measured> {
  const latencies: number[] = [];
  const ofFirstSecond: number[] = [];
  let refused = 0;
  const began = performance.now();
  for (const neighbour of neighbours)
    neighbour.onAnswer = (milliseconds, isServed) => {
      if (!isServed) refused++;
      else latencies.push(milliseconds);
      if (performance.now() - milliseconds < began + 1_000) ofFirstSecond.push(milliseconds);
    };
  const total = seconds * perSecond;
  for (let count = 0; count < total; await delay(1)) {
    const due = Math.min(total, ((performance.now() - began) / 1_000) * perSecond);
    for (; count < due; count++)
      neighbours[count % neighbours.length]?.ask(began + (count * 1_000) / perSecond);
  }
  const open = (): number => neighbours.reduce((sum, { unanswered }) => sum + unanswered, 0);
  for (const end = performance.now() + patienceMs; open() > 0 && performance.now() < end; ) await delay(5);
  const unanswered = open() + refused;
  // Who was not answered has waited at least so long.
  for (let missing = open(); missing > 0; missing--) latencies.push(patienceMs);
  return {
    requests: total,
    p50Ms: part(latencies, 0.5),
    p99Ms: part(latencies, 0.99),
    firstSecondP99Ms: part(ofFirstSecond, 0.99),
    unanswered,
  };
}

function part(latencies: readonly number[], share: number): number {
  const sorted = Float64Array.from(latencies).sort();
  return sorted[Math.floor((sorted.length - 1) * share)] ?? patienceMs;
}

async function obey(order: NeighbourOrder): Promise<Measured | undefined> {
  if ('measure' in order) return measure(order.measure.seconds, order.measure.perSecond);
  const { address, sessions } = order.connect;
  neighbours = await Promise.all(sessions.map((session) => Neighbour.connect(address, session)));
  return undefined;
}

function fail(error: Error): void {
  process.send?.({ error: error.message });
}

process.on('message', (order: NeighbourOrder) => {
  obey(order).then((result) => process.send?.({ result }), fail);
});
process.on('disconnect', () => process.exit());
