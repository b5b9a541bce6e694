import type { DynamicSecurity, SecurityCommand, SecurityReply } from './mqtt/dynamic-security.ts';
import { actionTopic, sessionTopic } from './mqtt/topics.ts';

/**
 * The broker's own list of who may log in (mosquitto/README.md, "Who may do what"): a client for each session, named
 * after its MQTT client id and bound to it, with the session's token as its password. What it may read beside its
 * answers, the notices to its phone, comes with the group of that phone; so a phone that moves takes its clients along
 * by changing their group, and nobody needs a new token.
 */
export interface BrokerClients {
  /** Let a client in; one that the broker knows already gets this token and phone. @throws Error with the broker's word. */
  add(client: string, phone: string, token: string): Promise<void>;
  /** Give a client another password. @throws Error with the broker's word. */
  rotate(client: string, token: string): Promise<void>;
  /** Let a client in no more, and cut it off; one that the broker doesn't know is no error. */
  remove(client: string): Promise<void>;
  /** The clients that get a phone's notices. */
  of(phone: string): Promise<string[]>;
  /**
   * Let the clients of a phone be where their sessions are: removed without one, moved to the phone that theirs belongs
   * to by now. Can be repeated.
   * @param phoneOf - the phone of a client's session.
   */
  follow(phone: string, phoneOf: (client: string) => Promise<string | undefined>): Promise<void>;
  close(): Promise<void>;
}

export function openBrokerClients(security: DynamicSecurity): BrokerClients {
  const run = async (commands: readonly SecurityCommand[], tolerated = /^$/): Promise<SecurityReply[]> => {
    const replies = await security.run(commands);
    const fault = replies.find(({ error }) => error !== undefined && !tolerated.test(error));
    if (fault) throw new Error(`the broker refused ${fault.command}: ${fault.error}`);
    return [...replies];
  };
  const of = async (phone: string): Promise<string[]> => {
    const [reply] = await run([{ command: 'getGroup', groupname: groupOf(phone) }], /not found/i);
    return clientsIn(reply);
  };
  const remove = async (client: string): Promise<void> => {
    await mustBeSession(client);
    const commands = [
      { command: 'deleteClient', username: client },
      { command: 'deleteRole', rolename: roleOf(client) },
    ];
    await run(commands, /not found/i);
  };
  /** The list has workers and administrators too; none of them is a session. */
  const mustBeSession = async (client: string): Promise<boolean> => {
    const [reply] = await run([{ command: 'getClient', username: client }], /not found/i);
    if (reply?.error !== undefined) return false;
    if (!hasRole(reply, roleOf(client)))
      throw new Error('the broker has a client of this name that is no session');
    return true;
  };

  return {
    of,
    remove,
    async add(client, phone, token) {
      const isThere = await mustBeSession(client);
      await run(placesOf(client, phone), /already exists/i);
      if (isThere) {
        const groups = [{ groupname: groupOf(phone) }];
        await run([{ command: 'modifyClient', username: client, password: token, groups }]);
      } else {
        const roles = [{ rolename: 'phone' }, { rolename: roleOf(client) }];
        const identity = { username: client, clientid: client, password: token };
        await run([{ command: 'createClient', ...identity, roles, groups: [{ groupname: groupOf(phone) }] }]);
      }
    },
    async rotate(client, password) {
      if (!(await mustBeSession(client))) throw new Error('the broker has no such client');
      await run([{ command: 'setClientPassword', username: client, password }]);
    },
    async follow(phone, phoneOf) {
      const clients = await of(phone);
      const phones = await Promise.all(clients.map(phoneOf));
      for (const [place, client] of clients.entries()) {
        const now = phones[place];
        if (now === undefined) await remove(client);
        else if (now !== phone) await move(client, now);
      }
      if (clients.length > 0 && phones.every((now) => now !== phone)) await run(emptied(phone), /not found/i);
    },
    close: () => security.close(),
  };

  async function move(client: string, to: string): Promise<void> {
    await run(placesOf(client, to), /already exists/i);
    await run([{ command: 'modifyClient', username: client, groups: [{ groupname: groupOf(to) }] }]);
  }
}

const groupOf = (phone: string): string => `phone:${phone}`;
const roleOf = (client: string): string => `client:${client}`;

/** The role of a client, the role and the group of a phone. What is there already stays as it is. */
function placesOf(client: string, phone: string): SecurityCommand[] {
  return [
    { command: 'createRole', rolename: roleOf(client), acls: reading(`${actionTopic(client)}/#`) },
    { command: 'createRole', rolename: groupOf(phone), acls: reading(sessionTopic(phone)) },
    { command: 'createGroup', groupname: groupOf(phone), roles: [{ rolename: groupOf(phone) }] },
  ];
}

function emptied(phone: string): SecurityCommand[] {
  return [
    { command: 'deleteGroup', groupname: groupOf(phone) },
    { command: 'deleteRole', rolename: groupOf(phone) },
  ];
}

/** To subscribe to a topic, or `…/#`, and to read what comes there. */
const reading = (topic: string) => [
  { acltype: 'subscribePattern', topic, priority: 0, allow: true },
  { acltype: 'publishClientReceive', topic, priority: 0, allow: true },
];

function clientsIn(reply: SecurityReply | undefined): string[] {
  const group = reply?.data?.group as { clients?: { username: string }[] } | undefined;
  return group?.clients?.map(({ username }) => username) ?? [];
}

function hasRole(reply: SecurityReply | undefined, rolename: string): boolean {
  const client = reply?.data?.client as { roles?: { rolename: string }[] } | undefined;
  return client?.roles?.some((role) => role.rolename === rolename) ?? false;
}
