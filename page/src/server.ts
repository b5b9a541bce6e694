import type { People, Readiness, Requests, ShownMails, SignIn, Workers } from '../../dev/page/shapes.ts';
import type { TopicPatterns } from '../../src/protocol/topic-patterns.ts';

/** Fetches JSON from the page's own server. @throws Error when it does not answer. */
export const server = {
  topics: () => read<TopicPatterns>('/topics.json'),
  people: () => read<People>('/people.json'),
  requests: () => read<Requests>('/requests.json'),
  workers: () => read<Workers>('/workers.json'),
  readiness: () => read<Readiness>('/readiness.json'),
  mails: () => read<ShownMails>('/mails.json'),

  async signIn(who: SignIn): Promise<void> {
    const response = await fetch('/sessions', { method: 'POST', body: JSON.stringify(who) });
    if (!response.ok) throw new Error(`no session: the server answered ${response.status}`);
  },
};

async function read<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  return (await response.json()) as T;
}

/** Calls now, and again after each answer and this pause, while the page is visible. */
export function repeat(intervalMs: number, work: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const turn = async (): Promise<void> => {
    // The server may come back. Its users show meanwhile that the numbers are missing.
    if (!document.hidden) await work().catch(() => undefined);
    timer = setTimeout(() => void turn(), intervalMs);
  };
  void turn();
  return () => clearTimeout(timer);
}
