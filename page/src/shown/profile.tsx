import { useSignalEffect } from '@preact/signals';
import { ask, askForPanel, isConnected } from '../broker.ts';
import { payloadOf } from '../compose/draft.ts';
import { attempt } from '../compose/outcome.ts';
import { ScrollBox } from '../conversation/scroll-box.tsx';
import { nameOf, speaker } from '../people.ts';
import { outdated, read } from './outdated.ts';
import { type Known, profiles, type ShownContact, type ShownProfile } from './profiles.ts';

/** Shows the profile of the phone in use. It follows what changes the profile, and reads it again where it has to. */
export function Profile() {
  const phone = speaker.value?.phone ?? '';
  const known = profiles.value.get(phone);
  useSignalEffect(() => {
    const shown = speaker.value?.phone;
    if (shown !== undefined && outdated.value.has(shown) && isConnected(shown))
      read(shown, () => askForPanel(shown, payloadOf(shown, 'get')));
  });
  return (
    <section class="profile" aria-labelledby="profile">
      <div class="heading">
        <h2 id="profile">Profile</h2>
        <button type="button" class="link" onClick={() => void attempt(() => readAgain(phone))}>
          Read again
        </button>
      </div>
      <p class="number">
        {phone} {outdated.value.has(phone) && <span class="reading">being read again</span>}
      </p>
      {known === undefined ? <p class="empty">Not answered yet.</p> : <State known={known} />}
    </section>
  );
}

async function readAgain(phone: string): Promise<string> {
  await ask(phone, 'get', payloadOf(phone, 'get'));
  return '';
}

function State({ known }: { known: Known }) {
  switch (known.is) {
    case 'there':
      return <Details profile={known.profile} />;
    case 'none':
      return <p class="empty">No profile, at {clock(known.at)}.</p>;
    case 'removed':
      return <p class="empty">Removed at {clock(known.at)}.</p>;
    case 'signed-out':
      return <p class="empty">Signed out, at {clock(known.at)}: sign in again to read it.</p>;
    case 'moved':
      return (
        <p class="empty">
          Moved to {nameOf(known.to)}, <span class="number">{known.to}</span>, at {clock(known.at)}.
        </p>
      );
  }
}

function Details({ profile }: { profile: ShownProfile }) {
  const { status, at, presence, update, balance, settings, services, rosters } = profile;
  return (
    <>
      <dl>
        <dt>Presence</dt>
        <dd>{presence || '–'}</dd>
        <dt>Update</dt>
        <dd>{when(update)}</dd>
        <dt>Balance</dt>
        <dd>{balance || '–'}</dd>
        {settings.map(({ key, value }) => (
          <Pair key={key} name={key} value={value} />
        ))}
        {services.map(({ id, type, status: state }) => (
          <Pair key={`${type} ${id}`} name={type} value={`${id} ${state}`} />
        ))}
      </dl>
      {rosters.map(({ id, names, contacts }) => (
        <div key={id} class="roster">
          <h3>
            Roster {id} <span>{names}</span>
            {contacts.length > 1 && (
              <span class="count">{contacts.length.toLocaleString('en')} contacts</span>
            )}
          </h3>
          {contacts.length === 0 ? (
            <p class="empty">No contacts.</p>
          ) : (
            <Contacts id={id} contacts={contacts} />
          )}
        </div>
      ))}
      <p class="source">
        From the answer to <b>{status}</b>, {clock(at)}
      </p>
    </>
  );
}

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Contacts({ id, contacts }: { id: string; contacts: readonly ShownContact[] }) {
  return (
    <ScrollBox name="contacts" label={`Contacts of roster ${id}`}>
      <ul>
        {contacts.map(({ phoneId, names, presence, update, status }) => (
          <li key={phoneId}>
            <span class="names">{names || '–'}</span>
            <span class="state">{[status, presence].filter((word) => word !== '').join(', ')}</span>
            <span class="number">{phoneId}</span>
            <span class="when">{update === undefined ? '' : when(update)}</span>
          </li>
        ))}
      </ul>
    </ScrollBox>
  );
}

function when(time: Date | undefined): string {
  return time === undefined
    ? '–'
    : time.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
}

function clock(time: Date): string {
  return time.toLocaleTimeString('en-GB');
}
