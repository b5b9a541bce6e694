import { EventEmitter, once } from 'node:events';
import type { Term } from '../../etf/index.ts';
import type { Topics } from '../../protocol/topics.ts';
import { type CliClient, connectClient, ownClientId } from '../client.ts';
import type { Connections } from '../connections.ts';
import { termOf } from '../message.ts';
import { insert, StepFault, type Variables } from './patterns.ts';
import { besidePlan, type Plan } from './plan.ts';

/** A message that somebody of the plan received. */
export interface Arrival {
  /** `answer emqttd_42` or `notice 380671112233`. */
  readonly address: string;
  readonly term: Term | undefined;
  readonly payload: Buffer;
  readonly correlation: string | undefined;
  readonly at: number;
}

export interface Person {
  readonly client: string;
  readonly phone: string | undefined;
  readonly tokenFile: string | undefined;
}

/** The clients of a plan, connected at their first use, and all that they have received and nobody has looked at. */
export class Receivers {
  readonly #connections: Connections;
  readonly #plan: Plan;
  readonly #variables: Variables;
  readonly #clients = new Map<string, CliClient>();
  readonly #news = new EventEmitter();
  readonly #heard = new Set<string>();
  #unexamined: Arrival[] = [];

  constructor(connections: Connections, plan: Plan, variables: Variables) {
    this.#connections = connections;
    this.#plan = plan;
    this.#variables = variables;
  }

  /** A client of the plan by its name; another name is a client id. */
  person(name: string): Person {
    const known = this.#plan.clients[name];
    const text = (value: string | undefined) => value && insert(value, this.#variables);
    const tokenFile = text(known?.token_file);
    return {
      client: text(known?.client) ?? insert(name, this.#variables),
      phone: text(known?.phone),
      tokenFile: tokenFile && besidePlan(this.#plan, tokenFile),
    };
  }

  /** The client, connected; it receives its answers, and the notices to its phone. */
  async connect(name: string): Promise<CliClient> {
    const { client, phone, tokenFile } = this.person(name);
    const there = this.#clients.get(client);
    if (there !== undefined) return there;
    const { brokerSettings, topics } = this.#connections;
    const connected = await connectClient(brokerSettings, { client, tokenFile });
    this.#listen(connected, topics);
    this.#clients.set(client, connected);
    await subscribe(connected, [
      topics.answer(client),
      ...(phone === undefined ? [] : [topics.notice(phone)]),
    ]);
    this.#heard.add(`answer ${client}`);
    if (phone !== undefined) this.#heard.add(`notice ${phone}`);
    return connected;
  }

  /** The address of answers to a client of the plan. */
  async answersTo(name: string): Promise<string> {
    await this.connect(name);
    return `answer ${this.person(name).client}`;
  }

  /** The address of notices to a client's phone, or to a number; a number of nobody is listened to with the settings' user. */
  async noticesTo(name: string): Promise<string> {
    const phone = this.person(name).phone ?? insert(name, this.#variables);
    const address = `notice ${phone}`;
    if (Object.hasOwn(this.#plan.clients, name)) await this.connect(name);
    if (this.#heard.has(address)) return address;
    const owner = Object.keys(this.#plan.clients).find((each) => this.person(each).phone === phone);
    if (owner !== undefined) await this.connect(owner);
    else {
      const { brokerSettings, topics } = this.#connections;
      const client = ownClientId(brokerSettings);
      const observer = await connectClient(brokerSettings, { client });
      this.#clients.set(client, observer);
      this.#listen(observer, topics);
      await subscribe(observer, [topics.notice(phone)]);
      this.#heard.add(address);
    }
    return address;
  }

  get unexamined(): readonly Arrival[] {
    return this.#unexamined;
  }

  forget(): void {
    this.#unexamined = [];
  }

  /** The first message that fits, which then is examined; `undefined` after the time. */
  async take(fits: (arrival: Arrival) => boolean, deadline: number): Promise<Arrival | undefined> {
    for (;;) {
      const index = this.#unexamined.findIndex(fits);
      if (index >= 0) return this.#unexamined.splice(index, 1)[0];
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      await once(this.#news, 'arrival', { signal: AbortSignal.timeout(Math.ceil(left)) }).catch(
        () => undefined,
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map(({ mqtt }) => mqtt.endAsync(true)));
  }

  #listen({ mqtt }: CliClient, topics: Topics): void {
    mqtt.on('message', (topic, payload, { properties }) => {
      const client = topics.clientOfAnswer(topic);
      this.#unexamined.push({
        address: client === undefined ? `notice ${topics.phoneOfNotice(topic)}` : `answer ${client}`,
        term: termOf(payload),
        payload,
        correlation: properties?.correlationData?.toString(),
        at: performance.now(),
      });
      this.#news.emit('arrival');
    });
  }
}

async function subscribe({ mqtt, broken }: CliClient, filters: string[]): Promise<void> {
  await Promise.race([mqtt.subscribeAsync(filters, { qos: 1 }), broken]).catch((error: Error) => {
    throw new StepFault(`the broker refuses the subscription of ${filters.join(' and ')}: ${error.message}`);
  });
}
