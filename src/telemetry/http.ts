import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the three pages show. */
export interface Probes {
  /** Why the program cannot take requests now, a line each; empty when it can. */
  troubles(): readonly string[];
  /** What is in the way of something else than requests, a line each; shown beside the troubles. */
  remarks?(): readonly string[];
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
}

export interface HttpServer {
  /** The port it listens on, also where 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serve `/livez` (the event loop turns), `/readyz` (503 with the causes when not ready) and `/metrics`.
 * @throws Error when the port is taken.
 */
export async function serveHttp(port: number, host: string, operating: Probes): Promise<HttpServer> {
  const pages: Record<string, () => Promise<Page>> = {
    '/livez': async () => ({ status: 200, body: 'ok\n' }),
    '/readyz': async () => {
      const troubles = operating.troubles();
      const isReady = troubles.length === 0;
      const lines = [...(isReady ? ['ready'] : troubles), ...(operating.remarks?.() ?? [])];
      return { status: isReady ? 200 : 503, body: `${lines.join('\n')}\n` };
    },
    '/metrics': async () => {
      const { text, contentType } = await operating.metrics();
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
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Page {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

const notFound = async (): Promise<Page> => ({ status: 404, body: 'not found\n' });
