import { encode } from '../../../src/etf/index.ts';
import type { Rng } from '../../harness/rng.ts';
import { signIn } from '../../harness/sign-in.ts';
import { contact, feature, profile, roster } from '../../harness/terms.ts';
import { Device } from './device.ts';
import type { EventLog } from './event-log.ts';
import type { System } from './system.ts';

/** The most requests of all readers that may be open at once; beyond it nothing is sent. */
const maxInFlight = 4_000;

const tickMs = 10;

/** Phones that only read, at a fixed rate, whether or not earlier requests were answered. */
export class Readers {
  readonly #devices: readonly Device[];
  readonly #requests = new Map<Device, Buffer>();
  readonly #stored = new Map<Device, Buffer>();
  readonly #eventLog: EventLog;
  readonly #rng: Rng;
  #timer: NodeJS.Timeout | undefined;
  /** Requests that were not sent because too many were in flight. */
  heldBack = 0;

  private constructor(devices: readonly Device[], eventLog: EventLog, rng: Rng) {
    this.#devices = devices;
    this.#eventLog = eventLog;
    this.#rng = rng;
  }

  /** Connects them, and stores a profile for each. */
  static async connect(system: System, eventLog: EventLog, rng: Rng, count: number): Promise<Readers> {
    const devices: Device[] = [];
    for (let index = 0; index < count; index++) {
      devices.push(await Device.connect(system.broker.url, `reader-${index}`, { version: 5, qos: 1 }));
    }
    const readers = new Readers(devices, eventLog, rng);
    await Promise.all(
      devices.map((device, index) => readers.#seed(system, device, `38044${1_000_000 + index}`)),
    );
    return readers;
  }

  /** Starts the requests. */
  start(perSecond: number): void {
    let due = 0;
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      due += ((now - last) / 1000) * perSecond;
      last = now;
      for (; due >= 1; due--) this.#ask();
    }, tickMs);
  }

  /** Stops the requests. */
  pause(): void {
    clearInterval(this.#timer);
  }

  get inFlight(): number {
    return this.#devices.reduce((sum, device) => sum + device.inFlight, 0);
  }

  get repeats(): number {
    return this.#devices.reduce((sum, device) => sum + device.repeats, 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()));
  }

  async #seed({ database }: System, device: Device, number: string): Promise<void> {
    await signIn(database, device.client, number);
    const set = profile({
      phone: number,
      settings: [feature('LANG', 'uk'), feature('THEME', 'dark')],
      rosters: [
        roster({ id: 1, userlist: [1, 2, 3].map((other) => contact({ phoneId: `38063000000${other}_1` })) }),
      ],
      status: 'set',
    });
    await device.ask(encode(set), () => 'last');
    const get = encode(profile({ phone: number, status: 'get' }));
    const { answer } = await device.ask(get, () => 'last');
    if (answer === undefined) throw new Error('a reader was not answered before any fault');
    this.#requests.set(device, get);
    this.#stored.set(device, answer);
  }

  #ask(): void {
    const device = this.#rng.pick(this.#devices);
    const request = this.#requests.get(device);
    if (request === undefined) return;
    if (this.inFlight >= maxInFlight) {
      this.heldBack++;
      return;
    }
    void device
      .ask(request, () => 'last')
      .then(({ sentAt, answeredAt, answer, hasNoSubscriber }) => {
        this.#eventLog.answered({ kind: 'get', sentAt, answeredAt });
        if (answer === undefined)
          this.#eventLog.unanswered(`get of ${device.client}`, {
            sentAt,
            isToldUnsubscribed: hasNoSubscriber,
          });
        else if (!answer.equals(this.#stored.get(device) ?? Buffer.alloc(0)))
          this.#eventLog.violation('wrong', `get of ${device.client} is answered otherwise than before`);
      });
  }
}
