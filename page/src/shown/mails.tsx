import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ShownMail, ShownMails } from '../../../dev/page/shapes.ts';
import { turnTo, type } from '../compose/draft.ts';
import { repeat, server } from '../server.ts';

/** `undefined` while they can't be read. */
const mails = signal<ShownMails | undefined>([]);

/** Shows the caught mails, newest first; a click copies a code into the form. */
export function Mails() {
  useEffect(
    () =>
      repeat(1000, async () => {
        mails.value = await server.mails().catch(() => undefined);
      }),
    [],
  );
  return (
    <section class="mails" aria-labelledby="mails">
      <h2 id="mails">Caught mails</h2>
      {mails.value === undefined && <p class="empty">They can’t be read now.</p>}
      {mails.value?.length === 0 && <p class="empty">None.</p>}
      <ul>
        {mails.value?.map((mail) => (
          <li key={mail.receivedAt}>
            <Mail mail={mail} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Mail({ mail: { to, subject, text, receivedAt } }: { mail: ShownMail }) {
  const code = /\b\d{6}\b/.exec(text)?.[0];
  return (
    <article>
      <h3>{subject}</h3>
      <p class="meta">
        to {to.join(', ')}, {new Date(receivedAt).toLocaleTimeString('en-GB')}
      </p>
      <details>
        <summary>Text</summary>
        <pre>{text}</pre>
      </details>
      {code !== undefined && (
        <button type="button" onClick={() => takeOver(code, to[0] ?? '')}>
          Confirm with {code}
        </button>
      )}
    </article>
  );
}

/** Composes the request that confirms the address. */
function takeOver(code: string, address: string): void {
  turnTo('email');
  type('address', address);
  type('code', code);
}
