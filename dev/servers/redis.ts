/** The real Redis. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';
import { redisServer } from './installed.ts';
import { type Server, startServer } from './process.ts';

export interface RedisOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Writes each change to disk before it is confirmed, so that `kill('SIGKILL')` loses nothing; default false. */
  readonly appendonly?: boolean;
  /** Accepts connections by TLS only; with an authority, only from clients with a certificate of it. */
  readonly tls?: { readonly certificate: Certificate; readonly clientCa?: Buffer };
  /** More lines for redis.conf; they take precedence. */
  readonly extraConfig?: string;
  /** Working directory, kept at the stop. Default: a new one, removed at the stop. */
  readonly folder?: string;
}

/**
 * Starts a Redis on 127.0.0.1. A restart keeps its data: Redis saves when it is stopped.
 * @returns it once it accepts connections; `url` is `redis://127.0.0.1:<port>`.
 * @throws Error with the log of Redis if it does not start.
 */
export function startRedis(options: RedisOptions = {}): Promise<Server> {
  return startServer(
    {
      command: redisServer,
      arguments: ['redis.conf'],
      protocol: options.tls === undefined ? 'redis' : 'rediss',
      ready: /ready to accept connections/i,
      configure: async (folder, port) => {
        if (options.tls !== undefined) await keepCertificate(folder, options.tls);
        await writeFile(join(folder, 'redis.conf'), redisConfig(port, options));
      },
    },
    { port: options.port, folder: options.folder },
  );
}

function redisConfig(port: number, options: RedisOptions): string {
  const lines = [
    ...(options.tls === undefined ? [`port ${port}`] : tlsConfig(port, options.tls)),
    'bind 127.0.0.1',
    'daemonize no',
    // A save point makes Redis save when it is stopped; an hour is longer than it runs here.
    'save 3600 1',
    `appendonly ${options.appendonly === true ? 'yes' : 'no'}`,
    'appendfsync always',
  ];
  if (options.extraConfig !== undefined) lines.push(options.extraConfig);
  return `${lines.join('\n')}\n`;
}

async function keepCertificate(
  folder: string,
  { certificate, clientCa }: NonNullable<RedisOptions['tls']>,
): Promise<void> {
  await writeFile(join(folder, 'server.crt'), certificate.cert);
  await writeFile(join(folder, 'server.key'), certificate.key);
  await writeFile(join(folder, 'ca.crt'), clientCa ?? certificate.cert);
}

const tlsConfig = (port: number, { clientCa }: NonNullable<RedisOptions['tls']>): string[] => [
  'port 0',
  `tls-port ${port}`,
  'tls-cert-file server.crt',
  'tls-key-file server.key',
  'tls-ca-cert-file ca.crt',
  `tls-auth-clients ${clientCa === undefined ? 'no' : 'yes'}`,
  'tls-replication yes',
  'tls-cluster yes',
];
