import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from '../../harness/rng.ts';
import { Hub } from './contacts.ts';
import type { Ledger } from './event-log.ts';
import { move, remove } from './leaving.ts';
import type { Post } from './mailbox.ts';
import { Lost, Phone } from './phones.ts';
import { aws, email, get, link, phoneWithout, set, update } from './requests.ts';
import type { System } from './system.ts';

const requests = { get, set, update, link, email, aws, move, remove, phoneWithout };

/** How often a phone asks what, beside the others. */
const weights: Readonly<Record<keyof typeof requests, number>> = {
  get: 16,
  set: 24,
  update: 24,
  link: 8,
  email: 10,
  aws: 6,
  move: 5,
  remove: 3,
  phoneWithout: 1,
};

const phonesOfHub = 8;
const sparesOfHub = 150;

/** Phones that ask all nine requests, each one after the other. */
export class Crowd {
  readonly phones: Phone[] = [];
  readonly hubs: Hub[] = [];
  readonly #ledger: Ledger;
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async connect(system: System, post: Post, count: number, seed: number): Promise<void> {
    for (let place = 0; place < count; place++) {
      const chance = new Chance(seed, `phone ${place}`);
      const hub = this.hubs[Math.floor(place / phonesOfHub)] ?? (await this.#newHub(system));
      const phone = await Phone.connect(
        { system, ledger: this.#ledger, post, hub, chance },
        `phone-${place}`,
      );
      await phone.begin();
      this.phones.push(phone);
    }
  }

  /** @param perSecond - requests of all of them together, while none is slow. */
  start(perSecond: number): void {
    const meanPauseMs = (this.phones.length / perSecond) * 1000;
    this.#running = Promise.all(this.phones.map((phone) => this.#live(phone, meanPauseMs)));
    this.#running.catch(() => undefined); // `stop` tells of it
  }

  /** Each phone finishes what it is about. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  get repeats(): number {
    return this.phones.flatMap(({ devices }) => devices).reduce((sum, { repeats }) => sum + repeats, 0);
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.phones, ...this.hubs].map((each) => each.close()));
  }

  async #newHub(system: System): Promise<Hub> {
    const place = this.hubs.length;
    const spares = Array.from(
      { length: sparesOfHub },
      (_, spare) => `38050${1_000_000 + place * 1_000 + spare}`,
    );
    const hub = await Hub.connect(system, place, spares);
    this.hubs.push(hub);
    return hub;
  }

  async #live(phone: Phone, meanPauseMs: number): Promise<void> {
    const { chance } = phone.parts;
    while (!this.#isStopping) {
      await sleep(chance.next() * 2 * meanPauseMs);
      try {
        await requests[chance.weighted(weights)](phone);
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        if (!(await phone.begin())) return this.#ledger.say(`${phone.name} has no number left`);
      }
    }
  }
}
