import { randomInt } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RequestKind } from '../../src/handlers/index.ts';
import { type BrokerAddress, Device } from './device.ts';
import { addressOf, type Person, renumber } from './person.ts';

export interface PopulationOptions {
  readonly broker: BrokerAddress;
  /** For the records of the authentication service. */
  readonly redis: Redis;
  readonly people: number;
  /** Everybody's mutual contacts in the rosters. */
  readonly friends: number;
  readonly qos: 1 | 2;
  /** The newest code that was mailed to an address. */
  readonly codeFor: (address: string) => string | undefined;
}

/** A step of a longer conversation, which one person has begun and the next one continues. */
type Waiting = 'email' | 'phone';

const connectingAtOnce = 100;

/** People with their phones, and who of them is free. */
export class Population {
  readonly people: readonly Person[];
  notices = 0;
  /** The first connection that broke. */
  broken: Error | undefined;
  readonly #redis: Redis;
  readonly #codeFor: PopulationOptions['codeFor'];
  readonly #idle: Person[] = [];
  #idleFrom = 0;
  /** People with a mailed code, and people who have asked to move; the latter send nothing else meanwhile. */
  readonly #waiting: Record<Waiting, Person[]> = { email: [], phone: [] };

  private constructor(people: readonly Person[], { redis, codeFor }: PopulationOptions) {
    this.people = people;
    this.#redis = redis;
    this.#codeFor = codeFor;
    for (const person of people) {
      person.device.onNotice = () => this.notices++;
      person.device.onBroken = (error) => {
        this.broken ??= error;
      };
    }
  }

  /** Connects everybody, signed in; nobody has a profile yet. */
  static async connect(options: PopulationOptions): Promise<Population> {
    const people: Person[] = [];
    for (let first = 0; first < options.people; first += connectingAtOnce) {
      const size = Math.min(connectingAtOnce, options.people - first);
      const places = Array.from({ length: size }, (_, index) => first + index);
      people.push(...(await Promise.all(places.map((index) => connectPerson(index, options)))));
    }
    const group = options.friends + 1;
    for (let first = 0; first < people.length; first += group) {
      const circle = people.slice(first, first + group);
      for (const person of circle) person.friends.push(...circle.filter((other) => other !== person));
    }
    const population = new Population(people, options);
    for (const person of people) await population.signIn(person);
    return population;
  }

  /** Writes a session as the authentication service does; the client's earlier number loses it. */
  async signIn(person: Person): Promise<void> {
    const { client } = person.device;
    await this.#redis
      .pipeline()
      .srem(`sessions:{${person.spare}}`, client)
      .sadd(`sessions:{${person.number}}`, client)
      .hset(`session:${client}`, 'phone', person.number)
      .exec();
  }

  /** Chooses a free person for this request; undefined if all wait for answers. */
  take(kind: RequestKind): Person | undefined {
    if (kind === 'phone') {
      const mover = this.#waiting.phone.shift();
      if (mover !== undefined) return mover;
    }
    if (kind === 'email') {
      const index = this.#waiting.email.findIndex((person) => this.#idle.includes(person, this.#idleFrom));
      const [reader] = index < 0 ? [] : this.#waiting.email.splice(index, 1);
      if (reader !== undefined) {
        this.#idle.splice(this.#idle.indexOf(reader, this.#idleFrom), 1);
        return reader;
      }
    }
    const person = this.#idle[this.#idleFrom];
    if (person === undefined) return undefined;
    this.#idleFrom++;
    if (this.#idleFrom > 4096) this.#idle.splice(0, this.#idleFrom);
    if (this.#idleFrom > 4096) this.#idleFrom = 0;
    return person;
  }

  /** Makes them free again. */
  release(person: Person): void {
    this.#idle.push(person);
  }

  /** The code for an `email` of this person: the mailed one, or a wrong one. */
  codeOf(person: Person): string {
    return this.#codeFor(addressOf(person)) ?? String(randomInt(1_000_000)).padStart(6, '0');
  }

  /** Records a mailed code. */
  mailed(person: Person): void {
    if (!this.#waiting.email.includes(person)) this.#waiting.email.push(person);
  }

  /** Records a requested move: the person signs in with the new number, and `phone` is their next request. */
  async move(person: Person): Promise<void> {
    const { number, spare } = person;
    renumber(person, spare, number);
    person.isMoving = true;
    await this.signIn(person);
    this.#waiting.phone.push(person);
  }

  /** Records that the move could not be confirmed now; the next person tries again. */
  moveLater(person: Person): void {
    this.#waiting.phone.push(person);
  }

  leave(): void {
    for (const { device } of this.people) device.disconnect();
  }
}

async function connectPerson(index: number, options: PopulationOptions): Promise<Person> {
  const [number, spare] = [String(380_500_000_000 + index), String(380_670_000_000 + index)];
  const device = await Device.connect(options.broker, `emqttd_${index}`, {
    qos: options.qos,
    numbers: [number, spare],
  });
  const person: Person = { device, number, spare, friends: [], isMoving: false, get: Buffer.alloc(0) };
  renumber(person, number, spare);
  return person;
}
