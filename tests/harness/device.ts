/** A phone at a broker of production: with a session, and a token that the broker knows. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { BrokerAcl } from '../../src/broker-acl/broker.ts';
import { openBrokerClients } from '../../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../../src/broker-acl/dynamic-security.ts';
import { noteEndAt, openAclWorks } from '../../src/broker-acl/index.ts';
import { signIn } from '../../src/broker-acl/sign-in.ts';
import type { Term } from '../../src/etf/index.ts';
import type { Database } from '../../src/store/redis/database.ts';
import { openSessions, type Sessions } from '../../src/store/sessions.ts';
import { Phone } from './phone.ts';
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
    return new BrokerAcl({
      clients: openBrokerClients(openDynamicSecurity(connection), brokers[index]?.topics),
      work,
      sessions,
    });
  });
  return {
    sessions,
    brokers: acls,
    async close() {
      await Promise.all(acls.map(({ clients }) => clients.close()));
    },
  };
}

export class Device extends Phone {
  readonly broker: ProductionBroker;

  constructor(broker: ProductionBroker, client: string, phone: string) {
    super(client, phone);
    this.broker = broker;
  }

  /** Give it a session, and connect it. */
  async signIn(t: TestContext, registry: Registry): Promise<this> {
    const { client, number: phone } = this;
    assert.equal(await signIn({ client, phone, token: `token of ${client}` }, '00', registry), 'stored');
    await this.logIn(t);
    return this;
  }

  async logIn(t: TestContext): Promise<void> {
    const { server, certificate } = this.broker;
    const login = { username: this.client, password: `token of ${this.client}`, ca: certificate.cert };
    await this.connect(server.url, login, [this.broker.topics.answer(this.client)]);
    t.after(() => this.mqtt.endAsync(true));
  }

  /** Whether the broker lets it in. */
  mayLogIn(t: TestContext): Promise<boolean> {
    return this.logIn(t).then(
      () => true,
      (error: Error) => {
        assert.match(error.message, /not authorized/i);
        return false;
      },
    );
  }

  request(status: string, phone = this.number): Promise<Term> {
    return this.ask(profile({ phone, status }));
  }

  /** Whether it may read the notices to a phone. */
  async reads(phone: string): Promise<boolean> {
    return this.mqtt.subscribeAsync(this.broker.topics.notice(phone), { qos: 1 }).then(
      ([grant]) => (grant?.qos ?? 128) < 128,
      () => false,
    );
  }
}
