import { Topics } from '../protocol/topics.ts';
import type { DynamicSecurity, SecurityCommand, SecurityReply } from './dynamic-security.ts';
import { aclsOf, readingOf } from './roles.ts';

/**
 * The broker's list of clients that may log in (mosquitto/README.md, "Who may do what"). Each session has a client, named
 * after its MQTT client id, with the session's token as its password. The group of a phone lets its clients read the
 * phone's notices. A phone that moves changes the group of its clients, and no client needs a new token.
 *
 * Each change is a message of its own. The broker writes its whole list after each, and serves others in between. After a
 * crash in between, the next change of that phone or the sweep completes the work.
 * Each method throws AclRefused with the broker's error text, or Unanswered when the outcome is unknown.
 */
export interface BrokerClients {
  find(client: string): Promise<BrokerClient | undefined>;
  /** The clients in a phone's group. */
  of(phone: string): Promise<string[]>;
  /** Whether the broker has the client in the group of this phone only, with all its roles. */
  isWhole(client: string, phone: string): Promise<boolean>;
  /** Add a client, or change its token and phone. @param known - the client as the broker has it. */
  put(session: NewSession, known: BrokerClient | undefined, isAllowed?: IsAllowed): Promise<void>;
  /** Move an existing client to another phone's group. */
  move(client: string, phone: string, isAllowed?: IsAllowed): Promise<void>;
  /** Replace a client's password. */
  rotate(client: string, token: string): Promise<void>;
  /** Remove and disconnect a client; an unknown one is no error. */
  remove(client: string, isAllowed?: IsAllowed): Promise<void>;
  /** Delete the group and the role of a phone without clients. */
  dropPhone(phone: string, isAllowed?: IsAllowed): Promise<void>;
  /** Delete the role of a removed client. Mosquitto 2.0 breaks if a client still has a deleted role. */
  dropRole(client: string, isAllowed?: IsAllowed): Promise<void>;
  /** All clients, also those of no session, in pages. */
  all(): AsyncIterable<readonly BrokerClient[]>;
  /** The names of all groups, or of all roles, in pages. */
  names(of: 'groups' | 'roles'): AsyncIterable<readonly string[]>;
  close(): Promise<void>;
}

export interface BrokerClient {
  readonly client: string;
  /** Whether it belongs to a session. Workers and administrators do not. */
  readonly isSession: boolean;
  /** The phones of its groups; one, unless an administrator has changed the list. */
  readonly phones: readonly string[];
}

export interface NewSession {
  readonly client: string;
  readonly phone: string;
  readonly token: string;
}

/** The broker refused a command; a retry does not help. */
export class AclRefused extends Error {
  override readonly name = 'AclRefused';
}

/** Called just before sending: whether this side still holds the locks for the change. */
type IsAllowed = () => boolean;

/** @param topics - that clients may read; default those of clients in the field. */
export function openBrokerClients(security: DynamicSecurity, topics = new Topics()): BrokerClients {
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
      await change([...placesOf(client, phone, topics), last], present, isAllowed);
    },
    async move(client, phone, isAllowed) {
      const last = { command: 'modifyClient', username: client, groups: [{ groupname: groupOf(phone) }] };
      await change([...placesOf(client, phone, topics), last], present, isAllowed);
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

/** A page of this size blocks the broker for half a millisecond. */
const PAGE = 100;

const nothing = /^$/;
const missing = /not found/i;
const present = /already/i;

const groupOf = (phone: string): string => `phone:${phone}`;
const roleOf = (client: string): string => `client:${client}`;

/** The phone in the name of a group or its role; `undefined` for any other name. */
export const phoneIn = (name: string): string | undefined => /^phone:(\d+)$/.exec(name)?.[1];

/** The client in the name of its role; `undefined` for any other name. */
export const clientIn = (rolename: string): string | undefined => /^client:(.+)$/s.exec(rolename)?.[1];

/** Commands that create the roles and the group of a client and its phone; existing ones stay as they are. */
function placesOf(client: string, phone: string, topics: Topics): SecurityCommand[] {
  const [groupname, rolename] = [groupOf(phone), groupOf(phone)];
  return [
    {
      command: 'createRole',
      rolename: roleOf(client),
      acls: aclsOf(readingOf(`${topics.answer(client)}/#`)),
    },
    { command: 'createRole', rolename, acls: aclsOf(readingOf(topics.notice(phone))) },
    { command: 'createGroup', groupname, roles: [{ rolename }] },
    // For a group whose role was deleted.
    { command: 'addGroupRole', groupname, rolename },
  ];
}

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
