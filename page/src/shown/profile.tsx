import { ask } from '../broker.ts';
import { payloadOf } from '../compose/draft.ts';
import { attempt } from '../compose/outcome.ts';
import { speaker } from '../people.ts';
import { profiles, type ShownContact, type ShownProfile } from './profiles.ts';

/** Shows the profile of the phone in use, as it was last answered. */
export function Profile() {
  const phone = speaker.value?.phone ?? '';
  const profile = profiles.value.get(phone);
  return (
    <section class="profile" aria-labelledby="profile">
      <div class="heading">
        <h2 id="profile">Profile</h2>
        <button type="button" class="link" onClick={() => void attempt(() => readAgain(phone))}>
          Read again
        </button>
      </div>
      <p class="number">{phone}</p>
      {profile === undefined && <p class="empty">Not answered yet.</p>}
      {profile !== undefined && <Details profile={profile} />}
    </section>
  );
}

async function readAgain(phone: string): Promise<string> {
  await ask(phone, 'get', payloadOf(phone, 'get'));
  return '';
}

function Details({ profile }: { profile: ShownProfile }) {
  const { status, at, presence, update, balance, settings, services, rosters } = profile;
  if (status === 'remove') return <p class="empty">Removed at {clock(at)}.</p>;
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
          </h3>
          {contacts.length === 0 ? <p class="empty">No contacts.</p> : <Contacts contacts={contacts} />}
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

function Contacts({ contacts }: { contacts: readonly ShownContact[] }) {
  return (
    <ul class="contacts">
      {contacts.map(({ phoneId, names, presence, update, status }) => (
        <li key={phoneId}>
          <span class="names">{names || '–'}</span>
          <span class="state">{[status, presence].filter((word) => word !== '').join(', ')}</span>
          <span class="number">{phoneId}</span>
          <span class="when">{update === undefined ? '' : when(update)}</span>
        </li>
      ))}
    </ul>
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
