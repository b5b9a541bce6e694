/** The real Redis. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Server, startServer } from './process.ts';

export interface RedisOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Write each change to disk before it is confirmed, so that `kill('SIGKILL')` loses nothing; default false. */
  readonly appendonly?: boolean;
  /** More lines for redis.conf; they win. */
  readonly extraConfig?: string;
  /** Working directory, kept at the stop. Default: a new one, removed at the stop. */
  readonly folder?: string;
}

/**
 * Start a Redis on 127.0.0.1. A restart finds its data again: it is saved when Redis is stopped.
 * @returns it once it takes connections; `url` is `redis://127.0.0.1:<port>`.
 * @throws Error with the log of Redis if it does not start.
 */
export function startRedis(options: RedisOptions = {}): Promise<Server> {
  return startServer(
    {
      command: 'redis-server',
      arguments: ['redis.conf'],
      protocol: 'redis',
      ready: /ready to accept connections/i,
      configure: (folder, port) => writeFile(join(folder, 'redis.conf'), redisConfig(port, options)),
    },
    { port: options.port, folder: options.folder },
  );
}

function redisConfig(port: number, options: RedisOptions): string {
  const lines = [
    `port ${port}`,
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
