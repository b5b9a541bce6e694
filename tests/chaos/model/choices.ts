/** Chooses the next requests from a seed, so that a run can be repeated request by request. */

import type { Rng } from '../../harness/rng.ts';
import type { Asked, Kind, Owned } from './operation.ts';
import type { Contact, Feature, Roster, Service, State } from './state.ts';
import type { Forms } from './wire.ts';

/** Phones that may have each other as contacts, and their clients; a cast never involves a phone of another cast. */
export interface Cast {
  readonly name: string;
  readonly phones: readonly string[];
  readonly clients: readonly string[];
  readonly addresses: readonly string[];
}

/** Makes a request when it is due: the meaning of "the right code" depends on earlier events. */
export interface Choice {
  readonly kind: Kind;
  readonly forms: Forms;
  readonly choose: (state: State, cast: Cast) => { readonly client: string; readonly asked: Asked };
}

/** Requests one after another; several such rows run at the same time. */
export type Rows = readonly (readonly Choice[])[];

/** A group of at most five requests, in one of the possible arrangements. */
export function drawGroup(rng: Rng, cast: Cast): Rows {
  const some = (count: number) => Array.from({ length: count }, () => drawChoice(rng, cast));
  const way = rng.weighted({ alone: 1, inOrder: 2, together: 5, rows: 2 });
  if (way === 'alone') return [some(1)];
  if (way === 'inOrder') return [some(2 + rng.below(4))];
  if (way === 'together') return withFewNotifiers(some(2 + rng.below(4))).map((choice) => [choice]);
  return [some(2), some(1 + rng.below(2))];
}

/** Contacts may be notified in any order: with three such requests at once, the orders are too many to search. */
function withFewNotifiers(choices: readonly Choice[]): Choice[] {
  const tellers = choices.filter(({ kind }) => ['update', 'remove', 'phone'].includes(kind));
  const tooMany = tellers.slice(2);
  return choices.filter((choice) => !tooMany.includes(choice));
}

export const weights: Readonly<Record<Kind, number>> = {
  get: 18,
  set: 24,
  update: 20,
  link: 7,
  email: 10,
  aws: 3,
  remove: 4,
  migrate: 8,
  phone: 7,
  invalid: 1,
};

function drawChoice(rng: Rng, cast: Cast): Choice {
  const kind = rng.weighted(weights);
  const size = rng.is(0.3) ? 7 : 8;
  const forms = drawForms(rng);
  const [client, target, likely] = [rng.pick(cast.clients), rng.pick(cast.phones), rng.is(0.8)];
  const isStranger = rng.is(0.03);
  const makeAsked = drawAsked(rng, cast, kind);
  return {
    kind,
    forms,
    choose(state, { phones }) {
      const asking = likely && kind === 'phone' ? (clientOfPending(state) ?? client) : client;
      const own = isStranger ? target : (state.sessions[asking] ?? target);
      const empty = phones.find((phone) => state.profiles[phone] === undefined && phone !== own);
      const phone = kind === 'migrate' ? ((likely ? empty : undefined) ?? target) : own;
      return { client: asking, asked: makeAsked(state, { phone, size }) };
    },
  };
}

/** A client of a phone that another one has asked to move to. */
function clientOfPending(state: State): string | undefined {
  const { sessions } = state;
  return Object.keys(sessions).find((client) => waitingFor(state, sessions[client] ?? '').length > 0);
}

/** The old phones that ask to move to a phone. */
function waitingFor({ askedBy, wants }: State, phone: string): string[] {
  return (askedBy[phone] ?? []).map(({ old }) => old).filter((old) => wants[old] === phone);
}

type Base = Pick<Asked, 'phone' | 'size'>;

function drawAsked(rng: Rng, cast: Cast, kind: Kind): (state: State, base: Base) => Asked {
  switch (kind) {
    case 'set': {
      const [owned, malformed] = [drawOwned(rng, cast), rng.is(0.06)];
      // A `'Profile'` of 8 elements has no presence that could have the wrong shape.
      return (_, { phone, size }) => ({ phone, size: malformed ? 8 : size, kind, owned, malformed });
    }
    case 'update': {
      const presence = rng.is(0.8) ? rng.pick(presences) : '';
      const ahead = rng.pick(timesAhead);
      return (_, base) => ({ ...base, kind, presence, time: Number.isNaN(ahead) ? 0 : Date.now() + ahead });
    }
    case 'link': {
      const address = rng.is(0.05) ? 'no address' : rng.is(0.5) ? first(cast) : rng.pick(cast.addresses);
      return (_, base) => ({ ...base, kind, address });
    }
    case 'email': {
      const [fallback, guess, isRight] = [rng.pick(cast.addresses), rng.below(1_000_000), rng.is(0.4)];
      return (state, base) => {
        const codes = state.codes[base.phone] ?? {};
        const address = Object.keys(codes)[0] ?? fallback;
        const kept = codes[address]?.code;
        const wrong = (Number(kept ?? guess) + 1) % 1_000_000;
        const code = isRight && kept !== undefined ? kept : String(wrong).padStart(6, '0');
        return { ...base, kind, address, code };
      };
    }
    case 'phone': {
      const [isNamed, isWaiting, other] = [rng.is(0.4), rng.is(0.8), rng.pick(cast.phones)];
      const index = rng.below(4);
      return (state, base) => {
        const waiting = waitingFor(state, base.phone);
        const old = (isWaiting ? waiting[index % Math.max(1, waiting.length)] : undefined) ?? other;
        return { ...base, kind, ...(isNamed && { old }) };
      };
    }
    default:
      return (_, base) => ({ ...base, kind });
  }
}

function first({ addresses }: Cast): string {
  return addresses[0] ?? '';
}

const notSent = Number.NaN;

/** Times around the five minutes that a client's clock may be ahead; none for a time that is not sent. */
const timesAhead = [notSent, -3_600_000, -5_000, 0, 0, 1, 5_000, 60_000, 285_000, 315_000, 86_400_000];

/** Most contacts receive notices, and some don't. */
const statuses = ['', '', '', '', 'friend', 'friend', 'muted', 'ban', 'request', 'deleted'] as const;

const presences = ['online', 'away', 'offline'] as const;

function drawForms(rng: Rng): Forms {
  return {
    phone: rng.pick(['binary', 'binary', 'plus', 'characters', 'integer']),
    code: rng.pick(['binary', 'characters', 'integer', 'password']),
    unset: rng.pick(['list', 'undefined']),
    wrong: rng.pick(['settings', 'roster', 'contact', 'presence', 'service']),
  };
}

function drawOwned(rng: Rng, cast: Cast): Owned {
  return {
    ...(rng.is(0.5) && { settings: drawSettings(rng) }),
    ...(rng.is(0.5) && { presence: rng.pick(presences) }),
    ...(rng.is(0.45) && { rosters: drawRosters(rng, cast) }),
    ...(rng.is(0.3) && { services: drawServices(rng) }),
  };
}

function drawSettings(rng: Rng): Feature[] {
  const keys = ['LANG', 'theme', 'sound', 'font'].filter(() => rng.is(0.5));
  return keys.map((key) => ({ key, value: rng.is(0.25) ? '' : `${key} ${rng.below(100)}` }));
}

/** Includes services that the server owns, which the worker must ignore. */
function drawServices(rng: Rng): Service[] {
  const status = rng.is(0.1) ? 'verified' : 'added';
  return [
    { id: `vox-${rng.below(100)}`, type: 'vox', status },
    ...(rng.is(0.3) ? [{ id: 'vox-second', type: 'vox', status: '' }] : []),
    ...(rng.is(0.3) ? [{ id: 'forged@example.org', type: 'email', status: 'verified' }] : []),
    ...(rng.is(0.3) ? [{ id: 'AKIAFORGED', type: 'aws', status: 'verified' }] : []),
  ];
}

/** Also integers, which name a stored roster or none. */
function drawRosters(rng: Rng, cast: Cast): (Roster | number)[] {
  const ids = rng.is(0.8) ? [1] : rng.is(0.8) ? [1, 2] : [2, 1];
  const rosters = ids.map((id) =>
    rng.is(0.2) ? id : { id, names: `roster ${rng.below(100)}`, contacts: drawContacts(rng, cast) },
  );
  return rng.is(0.15) ? [...rosters, 77] : rosters;
}

/** Mostly phones of the cast in their first roster, so that many have each other. */
function drawContacts(rng: Rng, { phones }: Cast): Contact[] {
  const known = phones.filter(() => rng.is(0.55)).map((phone) => `${phone}_${rng.is(0.85) ? 1 : 2}`);
  const strangers = rng.is(0.15) ? [rng.pick(['380990000000_1', 'nobody', '+380990000000_1'])] : [];
  return [...known, ...strangers].map((phoneId) => ({
    phoneId,
    names: `contact ${rng.below(1000)}`,
    update: rng.below(1000),
    presence: rng.is(0.3) ? 'away' : '',
    status: rng.pick(statuses),
  }));
}
