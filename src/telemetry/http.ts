import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from './log.ts';

/** The content of the three pages. */
export interface Probes {
  /** Why the program is not ready, a line each; empty when it is ready. */
  troubles(): readonly string[];
  /** Problems that leave the program ready, a line each; shown below the troubles. */
  remarks?(): readonly string[];
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
}

export interface HttpServer {
  /** The port it listens on; with port 0, the one that the system chose. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serve `/livez` (the event loop turns), `/readyz` (503 with the causes when not ready) and `/metrics`.
 * @throws Error, with the setting in its message, when the address cannot be used.
 */
export async function serveHttp(
  port: number,
  host: string,
  probes: Probes,
  log?: Pick<Log, 'warn'>,
): Promise<HttpServer> {
  const pages: Record<string, () => Promise<Page>> = {
    '/livez': async () => ({ status: 200, body: 'ok\n' }),
    '/readyz': async () => {
      const troubles = probes.troubles();
      const isReady = troubles.length === 0;
      const lines = [...(isReady ? ['ready'] : troubles), ...(probes.remarks?.() ?? [])];
      return { status: isReady ? 200 : 503, body: `${lines.join('\n')}\n` };
    },
    '/metrics': async () => {
      const { text, contentType } = await probes.metrics();
      return { status: 200, body: text, contentType };
    },
  };
  const server = createServer((request, response) => {
    const page = pages[request.url?.split('?', 1)[0] ?? ''] ?? notFound;
    page().then(
      ({ status, body, contentType = 'text/plain; charset=utf-8' }) => {
        response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
      },
      () => response.writeHead(500).end(),
    );
  });
  await listen(server, port, host);
  tellErrors(server, log);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  try {
    await once(server.listen(port, host), 'listening');
  } catch (error) {
    throw new Error(listenCause(error as NodeJS.ErrnoException, port, host));
  }
}

/**
 * A connection that cannot be accepted is an error of the server, and without a listener that would end the program. It is
 * logged once until a connection is accepted again.
 */
function tellErrors(server: Server, log: Pick<Log, 'warn'> | undefined): void {
  let isTold = false;
  server.on('connection', () => {
    isTold = false;
  });
  server.on('error', (error) => {
    if (!isTold) log?.warn({ err: error }, 'the HTTP server cannot accept a connection');
    isTold = true;
  });
}

function listenCause({ code }: NodeJS.ErrnoException, port: number, host: string): string {
  if (code === 'EADDRINUSE')
    return `HTTP_PORT: another program listens on port ${port}; 0 turns the HTTP server off`;
  if (code === 'EACCES') return `HTTP_PORT: this user may not listen on port ${port}`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HTTP_HOST: this machine has no address ${host}`;
  return `HTTP_PORT and HTTP_HOST: cannot listen on ${host}:${port} (${code})`;
}

interface Page {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

const notFound = async (): Promise<Page> => ({ status: 404, body: 'not found\n' });
