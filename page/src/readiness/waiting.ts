import type { Part } from '../../../dev/page/shapes.ts';

/** Something that has to be there before a request is answered, and is not. */
export interface Waiting {
  readonly name: string;
  readonly causes: readonly string[];
  readonly forSeconds: number;
}

/** What the page knows at a moment. */
export interface Known {
  /** The broker as this page sees it; the causes are empty when it is connected. */
  readonly broker: Waiting;
  /** The server of this page; the causes are empty when it answers. */
  readonly server: Waiting;
  /** As the server has said at last; empty before that. */
  readonly parts: readonly Part[];
}

/** Everything that is waited for, the broker first. Of a server that does not answer nothing else is known. */
export function waitingFor({ broker, server, parts }: Known): readonly Waiting[] {
  const rest = server.causes.length > 0 ? [server] : parts;
  return [broker, ...rest].filter(({ causes }) => causes.length > 0);
}

/** Whether a request is answered now: a worker that is away is no loss while another one is ready. */
export function isReady({ broker, server, parts }: Known): boolean {
  const redis = parts.filter(({ kind }) => kind === 'redis');
  return (
    broker.causes.length === 0 &&
    server.causes.length === 0 &&
    redis.every(({ causes }) => causes.length === 0) &&
    readyWorkers(parts).ready > 0
  );
}

/** Counts workers. */
export function readyWorkers(parts: readonly Part[]): { readonly ready: number; readonly all: number } {
  const workers = parts.filter(({ kind }) => kind === 'worker');
  return { ready: workers.filter(({ causes }) => causes.length === 0).length, all: workers.length };
}

/** Whole seconds as a person says them: `7 s`, `2 min 5 s`, `3 h 1 min`. */
export function span(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
