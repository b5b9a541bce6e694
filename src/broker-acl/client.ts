import { actionTopic, sessionTopic } from '../protocol/topics.ts';
import type { DynamicSecurity, SecurityCommand, SecurityReply } from './dynamic-security.ts';

/**
 * The broker's own list of who may log in (mosquitto/README.md, "Who may do what"): a client for each session, named
 * after its MQTT client id and bound to it, with the session's token as its password. What it may read beside its
 * answers, the notices to its phone, comes with the group of that phone; so a phone that moves takes its clients along
 * by changing their group, and nobody needs a new token.
 *
 * Each change goes in a message of its own, since the broker writes its whole list after each: others are served in between.
 * A crash in between leaves what the next change of that phone, or the sweep, makes good.
 * Each method throws Error with the broker's word when it refuses, and Unanswered when nobody knows what became of it.
 */
export interface BrokerClients {
  find(client: string): Promise<BrokerClient | undefined>;
  /** The clients that get a phone's notices. */
  of(phone: string): Promise<string[]>;
  /** Whether the broker lets a client in, as this phone's, with all the roles that it needs. */
  isWhole(client: string, phone: string): Promise<boolean>;
  /** Let a client in, with this token and phone. @param known - what the broker has of it. */
  put(session: NewSession, known: BrokerClient | undefined, isAllowed?: IsAllowed): Promise<void>;
  /** Let a client that is there be another phone's. */
  move(client: string, phone: string, isAllowed?: IsAllowed): Promise<void>;
  /** Give a client another password. */
  rotate(client: string, token: string): Promise<void>;
  /** Let a client in no more, and cut it off; one that the broker doesn't know is no error. */
  remove(client: string, isAllowed?: IsAllowed): Promise<void>;
  /** Delete the group and the role of a phone that has no clients. */
  dropPhone(phone: string, isAllowed?: IsAllowed): Promise<void>;
  /** Delete the role of a client that is not there; Mosquitto 2.0 breaks on a client whose role is deleted. */
  dropRole(client: string, isAllowed?: IsAllowed): Promise<void>;
  /** All clients, sessions and others, a page at a time. */
  all(): AsyncIterable<readonly BrokerClient[]>;
  /** The names of all groups, or of all roles, a page at a time. */
  names(of: 'groups' | 'roles'): AsyncIterable<readonly string[]>;
  close(): Promise<void>;
}

export interface BrokerClient {
  readonly client: string;
  /** Whether it is one of a session's. The list has workers and administrators too. */
  readonly isSession: boolean;
  /** The phones whose notices it gets; one, as long as nobody else has a hand in the list. */
  readonly phones: readonly string[];
}

export interface NewSession {
  readonly client: string;
  readonly phone: string;
  readonly token: string;
}

/** The broker carries a command out never, however often it is sent. */
export class AclRefused extends Error {
  override readonly name = 'AclRefused';
}

/** Asked just before commands are sent: whether this side may still change what they change. */
type IsAllowed = () => boolean;

export function openBrokerClients(security: DynamicSecurity): BrokerClients {
  const { run, change, pages } = speakingTo(security);
  return {
    async find(client) {
      const [reply] = await run([{ command: 'getClient', username: client }], missing);
      const listed = reply?.data?.client as ListedClient | undefined;
      return listed && read(listed);
    },
    async of(phone) {
      const [reply] = await run([{ command: 'getGroup', groupname: groupOf(phone) }], missing);
      const group = reply?.data?.group as { clients?: { username: string }[] } | undefined;
      return group?.clients?.map(({ username }) => username) ?? [];
    },
    async isWhole(client, phone) {
      const [found, reply] = await run(
        [
          { command: 'getClient', username: client },
          { command: 'getGroup', groupname: groupOf(phone) },
        ],
        missing,
      );
      const listed = found?.data?.client as ListedClient | undefined;
      const group = reply?.data?.group as { roles?: Role[] } | undefined;
      const roles = new Set(
        [...(listed?.roles ?? []), ...(group?.roles ?? [])].map(({ rolename }) => rolename),
      );
      const needed = ['phone', roleOf(client), groupOf(phone)];
      return needed.every((role) => roles.has(role)) && listed !== undefined && isOnly(read(listed), phone);
    },
    async put({ client, phone, token }, known, isAllowed) {
      const groups = [{ groupname: groupOf(phone) }];
      const roles = [{ rolename: 'phone' }, { rolename: roleOf(client) }];
      const last =
        known === undefined
          ? { command: 'createClient', username: client, clientid: client, password: token, roles, groups }
          : { command: 'modifyClient', username: client, password: token, groups };
      await change([...placesOf(client, phone), last], present, isAllowed);
    },
    async move(client, phone, isAllowed) {
      const last = { command: 'modifyClient', username: client, groups: [{ groupname: groupOf(phone) }] };
      await change([...placesOf(client, phone), last], present, isAllowed);
    },
    async rotate(client, password) {
      await run([{ command: 'setClientPassword', username: client, password }]);
    },
    async remove(client, isAllowed) {
      const commands = [
        { command: 'deleteClient', username: client },
        { command: 'deleteRole', rolename: roleOf(client) },
      ];
      await change(commands, missing, isAllowed);
    },
    async dropPhone(phone, isAllowed) {
      const commands = [
        { command: 'deleteGroup', groupname: groupOf(phone) },
        { command: 'deleteRole', rolename: groupOf(phone) },
      ];
      await change(commands, missing, isAllowed);
    },
    async dropRole(client, isAllowed) {
      await change([{ command: 'deleteRole', rolename: roleOf(client) }], missing, isAllowed);
    },
    async *all() {
      for await (const page of pages('listClients', true)) yield (page as ListedClient[]).map(read);
    },
    async *names(of) {
      const command = of === 'groups' ? 'listGroups' : 'listRoles';
      for await (const page of pages(command, false)) yield page as string[];
    },
    close: () => security.close(),
  };
}

function speakingTo(security: DynamicSecurity) {
  const run = async (
    commands: readonly SecurityCommand[],
    tolerated: RegExp = nothing,
    isAllowed?: IsAllowed,
  ): Promise<SecurityReply[]> => {
    const replies = await security.run(commands, isAllowed);
    const fault = replies.find(({ error }) => error !== undefined && !tolerated.test(error));
    if (fault) throw new AclRefused(`the broker refused ${fault.command}: ${fault.error}`);
    return [...replies];
  };
  const change = async (
    commands: readonly SecurityCommand[],
    tolerated: RegExp,
    isAllowed?: IsAllowed,
  ): Promise<void> => {
    for (const command of commands) await run([command], tolerated, isAllowed);
  };
  async function* pages(command: string, verbose: boolean): AsyncGenerator<unknown[]> {
    for (let offset = 0; ; offset += PAGE) {
      const [reply] = await run([{ command, verbose, count: PAGE, offset }]);
      const page = Object.values(reply?.data ?? {}).find(Array.isArray) ?? [];
      if (page.length > 0) yield page;
      if (page.length < PAGE) return;
    }
  }
  return { run, change, pages };
}

/** The broker does nothing else while it writes such a page: half a millisecond for a hundred clients. */
const PAGE = 100;

const nothing = /^$/;
const missing = /not found/i;
const present = /already/i;

const groupOf = (phone: string): string => `phone:${phone}`;
const roleOf = (client: string): string => `client:${client}`;

/** The phone that a group, or its role, is of; `undefined` for any other name. */
export const phoneIn = (name: string): string | undefined => /^phone:(\d+)$/.exec(name)?.[1];

/** The client that a role is of. */
export const clientIn = (rolename: string): string | undefined => /^client:(.+)$/s.exec(rolename)?.[1];

/** The role of a client, the role and the group of a phone. What is there already stays as it is. */
function placesOf(client: string, phone: string): SecurityCommand[] {
  const [groupname, rolename] = [groupOf(phone), groupOf(phone)];
  return [
    { command: 'createRole', rolename: roleOf(client), acls: reading(`${actionTopic(client)}/#`) },
    { command: 'createRole', rolename, acls: reading(sessionTopic(phone)) },
    { command: 'createGroup', groupname, roles: [{ rolename }] },
    // For a group whose role was deleted.
    { command: 'addGroupRole', groupname, rolename },
  ];
}

/** To subscribe to a topic, or `…/#`, and to read what comes there. */
const reading = (topic: string) => [
  { acltype: 'subscribePattern', topic, priority: 0, allow: true },
  { acltype: 'publishClientReceive', topic, priority: 0, allow: true },
];

/** Whether a client gets the notices of this phone and of no other. */
export const isOnly = ({ phones }: BrokerClient, phone: string): boolean =>
  phones.length === 1 && phones[0] === phone;

interface Role {
  readonly rolename: string;
}

interface ListedClient {
  readonly username: string;
  readonly roles?: readonly Role[];
  readonly groups?: readonly { groupname: string }[];
}

function read({ username, roles = [], groups = [] }: ListedClient): BrokerClient {
  return {
    client: username,
    isSession: roles.some(({ rolename }) => rolename === roleOf(username)),
    phones: groups.flatMap(({ groupname }) => phoneIn(groupname) ?? []),
  };
}
