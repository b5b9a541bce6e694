/** A broker as in production, with the users that `profilectl broker init` makes. */

import { type Certificate, selfSignedCertificate } from '../../dev/servers/certificate.ts';
import { type MosquittoOptions, startMosquitto } from '../../dev/servers/mosquitto.ts';
import type { Server } from '../../dev/servers/process.ts';
import { type BrokerRole, initialSecurity } from '../../src/broker-acl/roles.ts';
import { Topics } from '../../src/protocol/topics.ts';

export interface ProductionBroker {
  readonly server: Server;
  readonly certificate: Certificate;
  readonly topics: Topics;
  /** What MQTT.js needs to log in. */
  login(user: string): { readonly username: string; readonly password: string; readonly ca: Buffer };
  /** The same as settings of the worker and of `profilectl`. */
  settings(user: string): Record<string, string>;
}

/** A client id of the user `service`. */
export const serviceId = 'sys_roster';

const users: Readonly<Record<string, readonly BrokerRole[]>> = {
  admin: ['clients'],
  worker: ['worker'],
  steward: ['worker', 'clients'],
  qa: ['qa'],
  service: ['service'],
};

/** Users `admin`, `worker`, `steward` (a worker that may manage clients), `qa` and `service`. */
export async function startProductionBroker(
  options: Pick<MosquittoOptions, 'under' | 'persistence' | 'deliver' | 'init' | 'topics' | 'extraConfig'> & {
    readonly sharedUsers?: string;
    readonly hold?: string;
    readonly connectionsPerMinute?: number;
  } = {},
): Promise<ProductionBroker> {
  const { sharedUsers, hold, connectionsPerMinute, ...rest } = options;
  const certificate = await selfSignedCertificate();
  const security = initialSecurity(
    Object.entries(users).map(([name, roles]) => ({
      name,
      password: passwordOf(name),
      roles,
      clientIds: name === 'service' ? [serviceId] : [],
    })),
    new Topics(options.topics),
  );
  const server = await startMosquitto({
    persistence: false,
    ...rest,
    production: {
      security,
      certificate,
      ...(sharedUsers !== undefined && { sharedUsers }),
      ...(hold !== undefined && { hold }),
      ...(connectionsPerMinute !== undefined && { connectionsPerMinute }),
    },
  });
  return {
    server,
    certificate,
    topics: new Topics(options.topics),
    login: (username) => ({ username, password: passwordOf(username), ca: certificate.cert }),
    settings: (username) => ({
      MQTT_URL: server.url,
      MQTT_USERNAME: username,
      MQTT_PASSWORD: passwordOf(username),
      MQTT_CA: certificate.cert.toString(),
    }),
  };
}

const passwordOf = (user: string): string => `the password of ${user}`;
