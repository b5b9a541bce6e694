/** What `REDIS_URL` names. */
export interface RedisUrl {
  readonly kind: 'server' | 'cluster' | 'sentinel';
  /** The server, nodes of the Cluster, or the Sentinels. */
  readonly addresses: readonly ServerAddress[];
  /** Whether all of them speak TLS. */
  readonly isSecure: boolean;
  /** Of Redis itself; Sentinels have their own. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** 0 on a Cluster. */
  readonly database: number;
  /** For Sentinels, the name of the master. */
  readonly masterName: string | undefined;
}

export interface ServerAddress {
  /** An IPv6 address stands without brackets. */
  readonly host: string;
  readonly port: number;
}

interface Part extends ServerAddress {
  readonly protocol: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly path: string;
}

/**
 * Read `redis://user:password@host:port/database`, several of them, comma-separated, for a Cluster, or
 * `redis+sentinel://user:password@h1,h2,h3/<master name>`; `rediss` for TLS. Names and passwords are percent-encoded.
 * @returns what is wrong with it in a few words without its parts, if it cannot be read.
 */
export function parseRedisUrl(text: string): RedisUrl | string {
  const sentinel = /^redis(s?)\+sentinel:\/\/(.*)$/s.exec(text);
  if (sentinel !== null) return sentinelsOf(sentinel[1] === 's', sentinel[2] ?? '');
  // A comma may stand in a password: only one before the next scheme ends an address.
  const parts: Part[] = [];
  for (const each of text.split(/,\s*(?=rediss?:)/)) {
    const part = partOf(each.trim(), 6_379);
    if (typeof part === 'string') return part;
    parts.push(part);
  }
  return parts.length === 1 ? serverOf(parts) : clusterOf(parts);
}

function serverOf([part]: readonly Part[]): RedisUrl | string {
  if (part === undefined) return notUrl;
  const database = /^\/?(\d{0,5})$/.exec(part.path)?.[1];
  if (database === undefined) return 'has a path that is not the number of a database';
  const { host, port, username, password } = part;
  const isSecure = part.protocol === 'rediss:';
  return {
    ...{ kind: 'server', addresses: [{ host, port }], isSecure, username, password },
    ...{ database: Number(database), masterName: undefined },
  };
}

function clusterOf(parts: readonly Part[]): RedisUrl | string {
  const [first] = parts;
  if (parts.some(({ protocol }) => protocol !== first?.protocol)) return 'mixes redis:// and rediss://';
  if (parts.some(({ path }) => !/^\/?0?$/.test(path))) return 'names a database, of which a Cluster has one';
  const known = parts.filter(({ password }) => password !== undefined);
  if (
    known.some(({ username, password }) => username !== known[0]?.username || password !== known[0]?.password)
  )
    return 'has different passwords for nodes of one Cluster';
  return {
    kind: 'cluster',
    addresses: parts.map(({ host, port }) => ({ host, port })),
    isSecure: first?.protocol === 'rediss:',
    username: known[0]?.username,
    password: known[0]?.password,
    database: 0,
    masterName: undefined,
  };
}

function sentinelsOf(isSecure: boolean, text: string): RedisUrl | string {
  const at = text.lastIndexOf('@');
  const [hosts = '', name = '', ...rest] = text.slice(at + 1).split('/');
  const masterName = decoded(name);
  if (hosts === '' || masterName === undefined || masterName === '' || rest.length > 0)
    return 'is not redis+sentinel://host,host,host/<master name>';
  const given = at === -1 ? [] : split(text.slice(0, at)).map(decoded);
  if (at !== -1 && given.includes(undefined)) return badEncoding;
  const addresses: ServerAddress[] = [];
  for (const each of hosts.split(',')) {
    const part = partOf(`redis://${each.trim()}`, 26_379);
    if (typeof part === 'string') return part;
    addresses.push({ host: part.host, port: part.port });
  }
  const [username, password] = given;
  return {
    ...{ kind: 'sentinel', addresses, isSecure, database: 0, masterName },
    ...{ username: username || undefined, password: password || undefined },
  };
}

/** At the first colon: a password may have more. */
function split(credentials: string): string[] {
  const colon = credentials.indexOf(':');
  return colon === -1 ? [credentials] : [credentials.slice(0, colon), credentials.slice(colon + 1)];
}

const notUrl = 'is not redis://, rediss:// or redis+sentinel://hosts/master';
const badEncoding = 'has a % in user or password that is no percent-encoding (%25 for %)';

function partOf(text: string, presetPort: number): Part | string {
  if (!URL.canParse(text)) return notUrl;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  if (!['redis:', 'rediss:'].includes(protocol) || hostname === '') return notUrl;
  if (search !== '' || hash !== '' || pathname.includes('@'))
    return 'has a / ? or # that is not percent-encoded in user or password';
  const [user, secret, host] = [username, password, hostname].map(decoded);
  if (user === undefined || secret === undefined) return badEncoding;
  if (host === undefined || /[,\s]/.test(host)) return notUrl;
  return {
    ...{ protocol, host: host.replace(/^\[(.*)\]$/, '$1'), path: pathname },
    ...{ port: port === '' ? presetPort : Number(port) },
    ...{ username: user || undefined, password: secret || undefined },
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
