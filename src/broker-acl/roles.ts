import { pbkdf2Sync, randomBytes } from 'node:crypto';

/**
 * What the dynamic-security plugin of a new broker starts with (mosquitto/README.md, "Who may do what"). All that is not
 * allowed here is refused. The roles of single clients and phones come later, with their sessions.
 */
export interface BrokerUser {
  readonly name: string;
  readonly password: string;
  readonly roles: readonly BrokerRole[];
}

export type BrokerRole = 'phone' | 'worker' | 'qa' | 'clients';

type AclType = 'publishClientSend' | 'publishClientReceive' | 'subscribePattern';
type Rule = readonly [type: AclType, topic: string, allow?: boolean];

const requests = 'events/1/+/api/+/+/+';
const control = '$CONTROL/dynamic-security/#';

const rules: Readonly<Record<BrokerRole, readonly Rule[]>> = {
  // Its answers and notices come with the roles `client:…` and `phone:…`.
  phone: [['publishClientSend', 'events/1/+/api/#']],
  worker: [
    ['subscribePattern', `$share/+/${requests}`],
    ['subscribePattern', requests],
    ['publishClientReceive', requests],
    ['publishClientSend', 'actions/#'],
    ['publishClientSend', 'ses/#'],
  ],
  // Not by a shared subscription: a member of the workers' group would take requests away from them.
  qa: [
    ['subscribePattern', '$share/#', false],
    ['subscribePattern', '$CONTROL/#', false],
    ['subscribePattern', '#'],
    ['publishClientReceive', '#'],
    ['publishClientReceive', '$SYS/#'],
  ],
  clients: [
    ['publishClientSend', control],
    ['subscribePattern', control],
    ['publishClientReceive', control],
  ],
};

/** The plugin's file, `dynamic-security.json`, for a broker that has none. */
export function initialSecurity(users: readonly BrokerUser[]): string {
  const roles = Object.entries(rules).map(([rolename, acls]) => ({
    rolename,
    acls: acls.map(([acltype, topic, allow = true]) => ({ acltype, topic, priority: allow ? 0 : 1, allow })),
  }));
  const defaultACLAccess = {
    publishClientSend: false,
    publishClientReceive: false,
    subscribe: false,
    unsubscribe: true,
  };
  return `${JSON.stringify({ defaultACLAccess, clients: users.map(clientOf), groups: [], roles }, null, 2)}\n`;
}

/** What is hashed is random and 256 bits long, so that few iterations do; the broker counts them on its one thread. */
const ITERATIONS = 101;

function clientOf({ name, password, roles }: BrokerUser) {
  const salt = randomBytes(12);
  return {
    username: name,
    roles: roles.map((rolename) => ({ rolename, priority: 0 })),
    salt: salt.toString('base64'),
    password: pbkdf2Sync(password, salt, ITERATIONS, 64, 'sha512').toString('base64'),
    iterations: ITERATIONS,
  };
}
