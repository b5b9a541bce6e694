import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { StepFault } from './patterns.ts';

/** Where the code of a mail comes from. */
export interface Mailbox {
  /** Remember the mails that are there already. Call it before the request. */
  mark(): Promise<void>;
  /** The code in a mail to the address that came since. @throws StepFault after the time. */
  code(to: string, timeoutMs: number): Promise<string>;
}

interface Mail {
  readonly id: string;
  readonly to: readonly string[];
  text(): Promise<string>;
}

const pauseMs = 200;

/** @param url - of Mailpit, or of the page of mails that `npm run dev` prints; without one a person is asked for the code. */
export function openMailbox(url: string | undefined): Mailbox {
  if (url === undefined) return { mark: async () => undefined, code: askPerson };
  const known = new Set<string>();
  return {
    async mark() {
      for (const { id } of await mailsAt(url)) known.add(id);
    },
    async code(to, timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      do {
        const mail = (await mailsAt(url)).find((each) => !known.has(each.id) && each.to.includes(to));
        const [code] = /\b\d{6}\b/.exec((await mail?.text()) ?? '') ?? [];
        if (code !== undefined) return code;
        await sleep(pauseMs);
      } while (performance.now() < deadline);
      throw new StepFault(`no mail with a code came to ${to} within ${timeoutMs} ms`);
    },
  };
}

/** The mails of Mailpit's API, or of `/mails.json`. */
async function mailsAt(url: string): Promise<readonly Mail[]> {
  const base = url.replace(/\/$/, '');
  const own = await ask(`${base}/mails.json`);
  if (own.ok) {
    const mails = (await own.json()) as { to: string[]; text: string; receivedAt: string }[];
    return mails.map(({ to, text, receivedAt }, index) => ({
      id: `${index} ${receivedAt}`,
      to,
      text: async () => text,
    }));
  }
  const pit = await ask(`${base}/api/v1/messages?limit=50`);
  if (!pit.ok) throw new StepFault(`${base} shows no mails: it answers ${pit.status}`);
  const { messages } = (await pit.json()) as { messages: { ID: string; To: { Address: string }[] }[] };
  return messages.map(({ ID, To }) => ({
    id: ID,
    to: To.map(({ Address }) => Address),
    async text() {
      const { Text } = (await (await ask(`${base}/api/v1/message/${ID}`)).json()) as { Text: string };
      return Text;
    },
  }));
}

async function ask(url: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(10_000) });
  } catch {
    throw new StepFault(`the mails at ${new URL(url).host} cannot be read`);
  }
}

async function askPerson(to: string): Promise<string> {
  if (!process.stdin.isTTY) throw new StepFault(`--mails says where the mail to ${to} is read`);
  const person = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await person.question(`the code that was mailed to ${to}: `)).trim();
  } finally {
    person.close();
  }
}
