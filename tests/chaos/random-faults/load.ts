import { setTimeout as sleep } from 'node:timers/promises';
import { Rng } from '../../harness/rng.ts';
import { ContactPhone } from './contacts.ts';
import type { EventLog } from './event-log.ts';
import { move, remove } from './leaving.ts';
import type { Mailbox } from './mailbox.ts';
import { Lost, Phone } from './phones.ts';
import { aws, email, get, link, phoneWithout, set, update } from './requests.ts';
import type { System } from './system.ts';

const requests = { get, set, update, link, email, aws, move, remove, phoneWithout };

/** How often a phone sends each request, relative to the others. */
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

const phonesPerContact = 8;
const sparesPerContact = 150;

/** Phones that send all nine requests, each one after the other. */
export class Load {
  readonly phones: Phone[] = [];
  readonly contacts: ContactPhone[] = [];
  readonly #eventLog: EventLog;
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(eventLog: EventLog) {
    this.#eventLog = eventLog;
  }

  async connect(system: System, mailbox: Mailbox, count: number, seed: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const rng = new Rng(seed, `phone ${index}`);
      const contact = this.contacts[Math.floor(index / phonesPerContact)] ?? (await this.#newContact(system));
      const phone = await Phone.connect(
        { system, eventLog: this.#eventLog, mailbox, contactPhone: contact, rng },
        `phone-${index}`,
      );
      await phone.begin();
      this.phones.push(phone);
    }
  }

  /** @param perSecond - requests of all of them together, while none is slow. */
  start(perSecond: number): void {
    const meanPauseMs = (this.phones.length / perSecond) * 1000;
    this.#running = Promise.all(this.phones.map((phone) => this.#live(phone, meanPauseMs)));
    this.#running.catch(() => undefined); // `stop` reports it.
  }

  /** Lets each phone finish its current request. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  get repeats(): number {
    return this.phones.flatMap(({ devices }) => devices).reduce((sum, { repeats }) => sum + repeats, 0);
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.phones, ...this.contacts].map((each) => each.close()));
  }

  async #newContact(system: System): Promise<ContactPhone> {
    const index = this.contacts.length;
    const spares = Array.from(
      { length: sparesPerContact },
      (_, spare) => `38050${1_000_000 + index * 1_000 + spare}`,
    );
    const contact = await ContactPhone.connect(system, index, spares);
    this.contacts.push(contact);
    return contact;
  }

  async #live(phone: Phone, meanPauseMs: number): Promise<void> {
    const { rng } = phone.deps;
    while (!this.#isStopping) {
      await sleep(rng.next() * 2 * meanPauseMs);
      try {
        await requests[rng.weighted(weights)](phone);
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        if (!(await phone.begin())) return this.#eventLog.say(`${phone.name} has no number left`);
      }
    }
  }
}
