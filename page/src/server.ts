import type { People, ShownMails, SignIn, Workers } from '../../dev/page/shapes.ts';

/** What the page's own server tells. @throws Error when it does not. */
export const server = {
  people: () => read<People>('/people.json'),
  workers: () => read<Workers>('/workers.json'),
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

/** Call now, and again so long after each answer, for as long as the page is looked at. */
export function repeat(intervalMs: number, work: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const turn = async (): Promise<void> => {
    // A server that is gone comes back; whoever shows its numbers shows that they are missing.
    if (!document.hidden) await work().catch(() => undefined);
    timer = setTimeout(() => void turn(), intervalMs);
  };
  void turn();
  return () => clearTimeout(timer);
}
