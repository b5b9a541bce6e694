import type { ShownMail } from './shapes.ts';

/** The fields used from Mailpit's API, version 1. */
interface Summary {
  readonly ID: string;
  readonly To: readonly { readonly Address: string }[];
  readonly Subject: string;
  readonly Created: string;
}

const shown = 20;

/** Reads the newest mails that Mailpit has caught. A mail never changes, so each is fetched once. */
export function mailpit(url: string): () => Promise<ShownMail[]> {
  const texts = new Map<string, string>();
  const textOf = async (id: string): Promise<string> => {
    const known = texts.get(id);
    if (known !== undefined) return known;
    const { Text } = await ask<{ Text: string }>(`${url}/api/v1/message/${id}`);
    texts.set(id, Text);
    return Text;
  };
  return async () => {
    const { messages } = await ask<{ messages: readonly Summary[] }>(`${url}/api/v1/messages?limit=${shown}`);
    return Promise.all(
      messages.map(async ({ ID, To, Subject, Created }) => ({
        to: To.map(({ Address }) => Address),
        subject: Subject,
        text: await textOf(ID),
        receivedAt: Created,
      })),
    );
  };
}

async function ask<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}
