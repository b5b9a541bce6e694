import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { requests } from '../../src/handlers/index.ts';
import { topicPatterns } from '../topics.ts';
import { bridgeToBroker } from './bridge.ts';
import { buildPage, type PageFiles } from './build.ts';
import { askWorkers, type WorkerAddress } from './metrics.ts';
import { isLoopback, isOwnPage } from './origin.ts';
import { people } from './people.ts';
import { watchReadiness } from './readiness.ts';
import { readSignIn, signIn } from './sessions.ts';
import type { Readiness, Requests, ShownMails } from './shapes.ts';

/** The sources of what the page shows. */
export interface PageSources {
  /** `mqtt://host:port` */
  readonly brokerUrl: string;
  readonly redisUrl: string;
  /** The workers that run now. */
  workers(): Promise<readonly WorkerAddress[]>;
  /** Newest first. */
  mails(): Promise<ShownMails>;
}

export interface RunningPage {
  readonly url: string;
  /**
   * Rebuilds after a change of the source; the browser shows it at the next reload. @throws Error when it does not
   * build.
   */
  rebuild(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Builds and serves the page for people who look at a development system.
 *
 * It reads and writes sessions and all messages. So it answers on loopback names only, and only its own page may do
 * more than read.
 * @throws Error when the page does not build or the port is taken.
 */
export async function startPage(
  sources: PageSources,
  { port = 0, host = '127.0.0.1' } = {},
): Promise<RunningPage> {
  let files = await buildPage();
  const redis = new Redis(sources.redisUrl, { lazyConnect: true });
  redis.on('error', () => undefined); // The request that needed it fails.
  const readiness = watchReadiness({ redis, workers: () => sources.workers() });
  const server = createServer((request, response) => {
    const context = { sources, redis, files, readiness };
    answer(request, response, context).catch(() => response.writeHead(502, headers).end());
  });
  const endBridge = bridgeToBroker(server, sources.brokerUrl);
  await once(server.listen(port, host), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async rebuild() {
      files = await buildPage();
    },
    async stop() {
      redis.disconnect();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      endBridge();
      await closed;
    },
  };
}

interface Context {
  readonly sources: PageSources;
  readonly redis: Redis;
  readonly files: PageFiles;
  readiness(): Promise<Readiness>;
}

const headers = {
  'Content-Security-Policy':
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

async function answer(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const { sources, files } = context;
  const path = new URL(request.url ?? '/', 'http://page').pathname;
  if (!isLoopback(request)) response.writeHead(403, headers).end();
  else if (request.method === 'POST' && path === '/sessions') await openSession(request, response, context);
  else if (request.method !== 'GET') response.writeHead(405, headers).end();
  else if (path === '/people.json') sendJson(response, people);
  else if (path === '/topics.json') sendJson(response, topicPatterns);
  else if (path === '/requests.json') sendJson(response, requestHelp());
  else if (path === '/workers.json') sendJson(response, await askWorkers(await sources.workers()));
  else if (path === '/readiness.json') sendJson(response, await context.readiness());
  else if (path === '/mails.json') sendJson(response, await sources.mails());
  else {
    const file = files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) response.writeHead(404, headers).end();
    else response.writeHead(200, { ...headers, 'Content-Type': file.type }).end(file.body);
  }
}

async function openSession(request: IncomingMessage, response: ServerResponse, { redis }: Context) {
  const wanted = isOwnPage(request) ? readSignIn(await readBody(request)) : undefined;
  if (wanted === undefined) {
    response.writeHead(400, headers).end();
    return;
  }
  await signIn(redis, wanted);
  response.writeHead(204, headers).end();
}

function requestHelp(): Requests {
  return Object.fromEntries(Object.entries(requests).map(([kind, { help }]) => [kind, help]));
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

const maxBody = 1024;

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk as string;
    if (body.length > maxBody) throw new Error('body too long');
  }
  return body;
}
