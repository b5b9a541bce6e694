/** What Redis may say against us, in words for `/readyz`, the log and `profilectl doctor`. */
import { systemCause } from '../../lib/system-causes.ts';
import { tlsCause } from '../../lib/tls-causes.ts';

/** What is wrong with Redis. */
export interface RedisFault {
  /** The value of the label `cause` of `profile_redis_fault`. */
  readonly name: RedisFaultName;
  /** One short sentence, without secrets and without what a client sent. */
  readonly cause: string;
  /** What to do about it. */
  readonly advice: string;
}

export type RedisFaultName = keyof typeof words;

interface Words {
  /** What the error says. Absent where a code tells more. */
  readonly says?: RegExp;
  readonly cause: string;
  readonly advice: string;
}

/**
 * In the order in which they are looked for.
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/, "Simple errors"; the texts are those of Redis 7.0.15
 */
const words = {
  sentinel_password: {
    says: /sentinels.*(WRONGPASS|NOAUTH|invalid password)/i,
    cause: 'the Sentinels do not take our user and password',
    advice: 'set REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD, which are not those of the master',
  },
  no_master: {
    says: /^All sentinels are unreachable(?!.*Last error)|No such master/,
    cause: 'the Sentinels know no master of that name',
    advice: 'the last part of REDIS_URL is the name that `sentinel monitor` has',
  },
  wrong_password: {
    says: /^WRONGPASS|^ERR invalid password/,
    cause: 'it does not take our user and password (WRONGPASS)',
    advice: 'compare those in REDIS_URL with its own: one of them was changed',
  },
  no_password: {
    says: /^NOAUTH/,
    cause: 'it asks for a password (NOAUTH)',
    advice: 'put it in REDIS_URL: redis://user:password@host, with % : @ / percent-encoded',
  },
  no_database: {
    says: /'select' command|unknown command [`'"]select|DB index is out of range/i,
    cause: 'it does not let us use the database that REDIS_URL names',
    advice: 'give our user +select, or name a database that it has (/0 is the first)',
  },
  no_rights: {
    says: /^NOPERM|user executing the script can't/,
    cause: 'our user may not run a command, or use a key (NOPERM)',
    advice: 'give it rights: ACL SETUSER <user> ~<REDIS_KEY_PREFIX>* ~{<REDIS_KEY_PREFIX>* +@all -@admin',
  },
  no_sentinel: {
    says: /sentinels are unreachable.*unknown command/i,
    cause: 'what answers there is no Sentinel, but a Redis',
    advice: 'name the Sentinels in REDIS_URL (port 26379), or the server itself by redis://',
  },
  no_command: {
    says: /^ERR unknown command|Unknown Redis command called from script/i,
    cause: 'it does not have a command that we use',
    advice: 'end its rename-command, or name a Redis 7 or Valkey in REDIS_URL, and no Sentinel',
  },
  read_only: {
    says: /(^|-)READONLY/,
    cause: 'it is a replica, which takes no changes (READONLY)',
    advice: 'name the master in REDIS_URL, or the Sentinels (redis+sentinel://) that know it',
  },
  few_replicas: {
    says: /^NOREPLICAS/,
    cause: 'too few replicas follow it (NOREPLICAS)',
    advice: 'bring the replicas back, or lower min-replicas-to-write',
  },
  full: {
    says: /^OOM/,
    cause: 'its memory is full (OOM)',
    advice: 'raise maxmemory, or give it more memory; reading still works',
  },
  disk: {
    says: /^MISCONF/,
    cause: 'it cannot write to its disk (MISCONF)',
    advice: 'see its log: the disk is full, or its folder not writable',
  },
  cluster_node: {
    says: /^(MOVED|ASK|CROSSSLOT) |SELECT is not allowed in cluster mode/,
    cause: 'REDIS_URL names one node of a Cluster, so it is not known to be one',
    advice: 'name several of its nodes, comma-separated; an address for all of them twice',
  },
  no_cluster: {
    says: /cluster support disabled/,
    cause: 'REDIS_URL has several addresses, but that is no Cluster',
    advice: 'name one; a master with replicas is found by its Sentinels (redis+sentinel://)',
  },
  cluster_down: {
    // The second is what the client says of a node that is not there, after some tries.
    says: /CLUSTERDOWN|Too many Cluster redirections.*(Connection is closed|MOVED)/,
    cause: 'some of the Cluster’s slots have no master (CLUSTERDOWN)',
    advice: 'see `redis-cli --cluster check`: bring the master or its replica back',
  },
  master_down: {
    says: /^MASTERDOWN/,
    cause: 'it is a replica that has lost its master (MASTERDOWN)',
    advice: 'bring the master back, or name it in REDIS_URL',
  },
  loading: {
    says: /^LOADING/,
    cause: 'it is still loading its data (LOADING)',
    advice: 'wait: it takes about a second for each 100 MB',
  },
  busy: {
    says: /^BUSY /,
    cause: 'a script holds it up (BUSY)',
    advice: 'find out whose it is; SCRIPT KILL ends one that has written nothing',
  },
  too_many_clients: {
    says: /max number of clients/,
    cause: 'it has as many clients as it takes',
    advice: 'raise maxclients, or see in CLIENT LIST who opens so many connections',
  },
  protected: {
    says: /^-?DENIED/,
    cause: 'it takes connections from its own machine only (protected mode)',
    advice: 'give it a password, and us the same in REDIS_URL',
  },
  tls: {
    // Bytes of an alert, where an answer of Redis is expected.
    says: /Unknown RESP type 21 /,
    cause: 'TLS fails',
    advice:
      'see REDIS_CA, REDIS_CERT and REDIS_KEY; REDIS_URL begins with rediss:// for a TLS port, and with redis:// for another',
  },
  no_redis: {
    says: /Unknown RESP type/,
    cause: 'what answers there is no Redis',
    advice: 'see host and port of REDIS_URL',
  },
  silent: {
    says: /Socket timeout|ETIMEDOUT|timed? ?out/i,
    cause: 'it does not answer',
    advice: 'see whether the server is stuck (SLOWLOG, disk) or the network drops packets',
  },
  unreachable: {
    says: /ECONN|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|sentinels are unreachable|Connection is closed|slots cache/,
    cause: 'no connection',
    advice: 'see whether Redis runs and REDIS_URL is its address as seen from here',
  },
  other: {
    cause: 'an error that is not known',
    advice: 'compare REDIS_URL and the other REDIS_… settings with the server, and see its log',
  },
} as const satisfies Readonly<Record<string, Words>>;

/** The value of each label, for a series that is there from the start. */
export const redisFaultNames = Object.keys(words) as readonly RedisFaultName[];

const entries: readonly (readonly [string, Words])[] = Object.entries(words);

/** What a connection that is not there has met. */
const connectionCauses: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name not resolved',
};

/** @param cause - default: the one that it has in general. */
export function redisFault(name: RedisFaultName, cause: string = words[name].cause): RedisFault {
  return { name, cause, advice: words[name].advice };
}

/**
 * What an error means, be it a reply of Redis or Sentinel or the client's own.
 * @returns undefined for an error that says nothing about the server: a wrong type under a key, a bug in a script.
 */
export function redisFaultOf(error: unknown): RedisFault | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, lastNodeError } = error as NodeJS.ErrnoException & { readonly lastNodeError?: unknown };
  const ofNode = lastNodeError === undefined ? undefined : redisFaultOf(lastNodeError);
  if (ofNode !== undefined) return ofNode;
  const tls = tlsCause(code);
  if (tls !== undefined) return redisFault('tls', tls);
  const system = systemCause(code);
  if (system !== undefined) return redisFault('unreachable', system);
  const text = `${error.message} ${code ?? ''}`;
  const found = entries.find(([, { says }]) => says?.test(text));
  return found && redisFault(found[0] as RedisFaultName, particularCause(found[0], text));
}

/** Of a connection that ended with an error of another kind. Its words end where they might quote something. */
export function unknownFault(error: unknown): RedisFault {
  const { code, message = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const text = /^[^'"`@\r\n]{1,100}/.exec(message)?.[0].trim();
  const said = [code, text].filter(Boolean).join(': ');
  return redisFault('other', said === '' ? undefined : `${words.other.cause} (${said})`);
}

/** What the error itself tells beside its kind. */
function particularCause(name: string, text: string): string | undefined {
  if (name === 'unreachable')
    return Object.entries(connectionCauses).find(([code]) => text.includes(code))?.[1];
  if (name === 'no_database' && text.startsWith('NOPERM'))
    return 'our user may not use the database that REDIS_URL names: SELECT (NOPERM)';
  if (name === 'no_database' && text.includes('out of range'))
    return 'it has no database of the number that REDIS_URL names';
  if (name === 'no_command') {
    const [, absent] = /unknown command [`'"]?([a-z|-]+)/i.exec(text) ?? [];
    return absent && `it does not have the command ${absent.toUpperCase()}`;
  }
  if (name !== 'no_rights') return undefined;
  if (/one of the (keys|channels)/.test(text)) return 'our user may not use our keys (NOPERM)';
  const [, command] = /'([a-z|-]+)' command/i.exec(text) ?? [];
  return command && `our user may not run the command ${command.toUpperCase()} (NOPERM)`;
}

/** The one line that `/readyz` and the log have. */
export function lineOf({ cause, advice }: RedisFault): string {
  return `${cause}; ${advice}`;
}
