/** A phone at a broker of production: with a session, and a token that the broker knows. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { MqttClient } from 'mqtt';
import { BrokerAcl } from '../../src/broker-acl/broker.ts';
import { openBrokerClients } from '../../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../../src/broker-acl/dynamic-security.ts';
import { noteEndAt, openAclWorks } from '../../src/broker-acl/index.ts';
import { signIn } from '../../src/broker-acl/sign-in.ts';
import { decode, encode, type Term } from '../../src/etf/index.ts';
import type { Database } from '../../src/store/redis/database.ts';
import { openSessions, type Sessions } from '../../src/store/sessions.ts';
import { eventually } from './eventually.ts';
import { connectClient } from './mqtt-clients.ts';
import type { ProductionBroker } from './production-broker.ts';
import { profile } from './terms.ts';

/** What `profilectl session` has: the sessions, and the list of each broker. */
export interface Registry {
  readonly sessions: Sessions;
  readonly brokers: readonly BrokerAcl[];
  close(): Promise<void>;
}

/** @param brokers - as their administrator. */
export function openRegistry(database: Database, brokers: readonly ProductionBroker[]): Registry {
  const urls = brokers.map(({ server }) => server.url);
  const works = openAclWorks(database, { urls, dynamicSecurity: true });
  const sessions = openSessions(database, noteEndAt(works));
  const acls = works.map((work, index) => {
    const { username, password, ca } = brokers[index]?.login('admin') ?? assert.fail('no such broker');
    const connection = { url: urls[index] ?? '', clientId: 'registry', username, password, tls: { ca } };
    return new BrokerAcl({ clients: openBrokerClients(openDynamicSecurity(connection)), work, sessions });
  });
  return {
    sessions,
    brokers: acls,
    async close() {
      await Promise.all(acls.map(({ clients }) => clients.close()));
    },
  };
}

export class Device {
  readonly heard: { topic: string; term: Term }[] = [];
  readonly broker: ProductionBroker;
  readonly client: string;
  readonly phone: string;
  mqtt: MqttClient | undefined;

  constructor(broker: ProductionBroker, client: string, phone: string) {
    this.broker = broker;
    this.client = client;
    this.phone = phone;
  }

  get isConnected(): boolean {
    return this.mqtt?.connected === true;
  }

  /** Give it a session, and connect it. */
  async signIn(t: TestContext, registry: Registry): Promise<this> {
    const { client, phone } = this;
    assert.equal(await signIn({ client, phone, token: `token of ${client}` }, '00', registry), 'stored');
    await this.connect(t);
    return this;
  }

  async connect(t: TestContext): Promise<void> {
    const login = { clientId: this.client, username: this.client, password: `token of ${this.client}` };
    const { server, certificate } = this.broker;
    this.mqtt = await connectClient(t, server.url, { ...login, ca: certificate.cert }, ({ topic, payload }) =>
      this.heard.push({ topic, term: decode(payload) }),
    );
    await this.mqtt.subscribeAsync(`actions/1/api/${this.client}`, { qos: 1 });
  }

  /** Whether the broker lets it in. */
  mayLogIn(t: TestContext): Promise<boolean> {
    return this.connect(t).then(
      () => true,
      (error: Error) => {
        assert.match(error.message, /not authorized/i);
        return false;
      },
    );
  }

  async ask(status: string, phone = this.phone): Promise<Term> {
    const before = this.heard.length;
    await this.mqtt?.publishAsync('events/1//api/anon//', encode(profile({ phone, status })), { qos: 2 });
    await eventually(`an answer to ${status}`, () => this.heard.length > before);
    return this.heard.at(-1)?.term ?? [];
  }

  /** Whether it may read the notices to a phone. */
  async reads(phone: string): Promise<boolean> {
    return (this.mqtt ?? assert.fail('not connected')).subscribeAsync(`ses/${phone}`, { qos: 1 }).then(
      ([grant]) => (grant?.qos ?? 128) < 128,
      () => false,
    );
  }
}
