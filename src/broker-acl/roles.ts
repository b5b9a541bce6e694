import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { Topics } from '../protocol/topics.ts';

/**
 * A user in the first file of the dynamic-security plugin (mosquitto/README.md, "Who may do what"). The plugin refuses all
 * that no role allows. The roles of clients and phones come later, with their sessions.
 */
export interface BrokerUser {
  readonly name: string;
  readonly password: string;
  readonly roles: readonly BrokerRole[];
  /** The client ids whose answers it may read, for a user with the role `service`. */
  readonly clientIds?: readonly string[];
}

export type BrokerRole = 'phone' | 'service' | 'worker' | 'qa' | 'clients';

type AclType = 'publishClientSend' | 'publishClientReceive' | 'subscribePattern';
type Rule = readonly [type: AclType, topic: string, allow?: boolean];

/** Rules as the plugin reads them. A denial has precedence, whatever the order. */
export const aclsOf = (rules: readonly Rule[]) =>
  rules.map(([acltype, topic, allow = true]) => ({ acltype, topic, priority: allow ? 0 : 1, allow }));

/** To subscribe to a topic, or to `…/#`, and to receive its messages. */
export const readingOf = (topic: string): Rule[] => [
  ['subscribePattern', topic],
  ['publishClientReceive', topic],
];

const control = '$CONTROL/dynamic-security/#';

export const rulesFor = ({
  requests,
  answers,
  notices,
}: Topics): Readonly<Record<BrokerRole, readonly Rule[]>> => ({
  // The roles `client:…` and `phone:…` allow answers and notices.
  phone: [['publishClientSend', requests]],
  // The roles `service:…` allow answers.
  service: [['publishClientSend', requests]],
  worker: [
    ['subscribePattern', `$share/+/${requests}`],
    ...readingOf(requests),
    ['publishClientSend', answers],
    ['publishClientSend', notices],
    ['publishClientSend', 'workers/#'],
    ...readingOf('workers/#'),
  ],
  // No shared subscription: a member of the workers' group would receive their requests.
  qa: [
    ['subscribePattern', '$share/#', false],
    ['subscribePattern', '$CONTROL/#', false],
    ...readingOf('#'),
    // From 2.1 on `#` does not cover it.
    ...readingOf('$SYS/#'),
  ],
  clients: [['publishClientSend', control], ...readingOf(control)],
});

/**
 * The plugin's file, `dynamic-security.json`, for a broker that has none.
 * @param topics - that the roles allow; default those of clients in the field.
 */
export function initialSecurity(users: readonly BrokerUser[], topics = new Topics()): string {
  const ofClientIds = users.flatMap(({ clientIds = [] }) => clientIds);
  const roles = [
    ...Object.entries(rulesFor(topics)),
    ...ofClientIds.map((id) => [roleOf(id), readingOf(`${topics.answer(id)}/#`)] as const),
  ].map(([rolename, rules]) => ({ rolename, acls: aclsOf(rules) }));
  const defaultACLAccess = {
    publishClientSend: false,
    publishClientReceive: false,
    subscribe: false,
    unsubscribe: true,
  };
  return `${JSON.stringify({ defaultACLAccess, clients: users.map(clientOf), groups: [], roles }, null, 2)}\n`;
}

/** Not `client:…`: those are sessions' roles, and deleted with them. */
const roleOf = (clientId: string): string => `service:${clientId}`;

/** Few, because passwords are random with 256 bits, and the broker hashes them on its only thread. */
const ITERATIONS = 101;

function clientOf({ name, password, roles, clientIds = [] }: BrokerUser) {
  const salt = randomBytes(12);
  return {
    username: name,
    roles: [...roles, ...clientIds.map(roleOf)].map((rolename) => ({ rolename, priority: 0 })),
    salt: salt.toString('base64'),
    password: pbkdf2Sync(password, salt, ITERATIONS, 64, 'sha512').toString('base64'),
    iterations: ITERATIONS,
  };
}
