import { connect } from 'node:net';
import { parseRedisUrl, type ServerAddress } from '../../lib/redis-url.ts';
import { probeTls, speaksTls, type TlsMaterial } from '../../lib/tls-causes.ts';
import { type RedisFault, type RedisFaultName, redisFault, redisFaultOf, unknownFault } from './faults.ts';

/** What a connection meets at a server that speaks something else; most of the time they mean what they say. */
const vague: ReadonlySet<RedisFaultName> = new Set(['silent', 'unreachable', 'no_redis', 'other']);

/** Between two looks, each of which opens a connection to each server. */
const lookEveryMs = 2_000;
const patienceMs = 3_000;

/** Finds what errors of connections do not tell: a certificate, and whether the servers speak TLS at all. */
export class Explanation {
  readonly #url: string;
  readonly #tls: TlsMaterial;
  #found: RedisFault | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(url: string, { ca, cert, key }: TlsMaterial) {
    this.#url = url;
    this.#tls = { ca, cert, key };
  }

  /** What an error of a connection means, by what was last found. */
  faultOf(error: unknown): RedisFault {
    const fault = redisFaultOf(error) ?? unknownFault(error);
    return vague.has(fault.name) ? (this.#found ?? fault) : fault;
  }

  /** The server can be used now: a later error has another cause. */
  forget(): void {
    this.#found = undefined;
  }

  /** @returns what is found; undefined if that is nothing, or was looked for just now. */
  async look(): Promise<RedisFault | undefined> {
    const now = performance.now();
    if (now - this.#lookedAt < lookEveryMs) return undefined;
    this.#lookedAt = now;
    const target = parseRedisUrl(this.#url);
    if (typeof target === 'string') return undefined; // the settings have checked that
    const causes = await Promise.all(
      target.addresses.map((server) =>
        target.isSecure ? causeOfSecure(server, this.#tls) : causeOfPlain(server),
      ),
    );
    const cause = causes.find((each) => each !== undefined);
    this.#found = cause === undefined ? undefined : redisFault('tls', cause);
    return this.#found;
  }
}

/** The first that tells: Redis waits for the end of a line in what is a TLS handshake. */
async function causeOfSecure(server: ServerAddress, tls: TlsMaterial): Promise<string | undefined> {
  const plain = answersPlainly(server).then((does) =>
    does ? 'TLS: the server does not speak TLS there' : undefined,
  );
  const secure = probeTls({ ...server, ...tls });
  return (await Promise.race([plain, secure])) ?? (await secure) ?? (await plain);
}

async function causeOfPlain(server: ServerAddress): Promise<string | undefined> {
  return (await speaksTls(server)) ? 'the server speaks TLS there' : undefined;
}

/** Whether Redis, or a Sentinel, answers without TLS. */
function answersPlainly(server: ServerAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...server, timeout: patienceMs }, () => socket.write('PING\r\n')).unref();
    const end = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.once('data', (answer) => end(/^[+-]/.test(`${answer}`)));
    socket.once('timeout', () => end(false)).once('close', () => end(false));
    socket.on('error', () => end(false));
  });
}
