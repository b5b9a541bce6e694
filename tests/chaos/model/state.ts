/** The stored state by the contract: immutable plain values. */

export interface Contact {
  readonly phoneId: string;
  readonly names: string;
  readonly update: number;
  /** The name of an atom; `''` for `[]`, here and below. */
  readonly presence: string;
  readonly status: string;
}

export interface Roster {
  readonly id: number;
  readonly names: string;
  readonly contacts: readonly Contact[];
}

export interface Service {
  readonly id: string;
  readonly type: string;
  readonly status: string;
}

export interface Feature {
  readonly key: string;
  readonly value: string;
}

export interface Profile {
  readonly services: readonly Service[];
  /** A number is a roster that is stored elsewhere. */
  readonly rosters: readonly (Roster | number)[];
  readonly settings: readonly Feature[];
  readonly update: number;
  readonly presence: string;
}

/** A time between two bounds, in Unix milliseconds of the store: its clock plus the skipped time. */
export interface Moment {
  readonly from: number;
  readonly to: number;
}

/** A mailed code. */
export interface Code {
  readonly code: string;
  readonly tries: number;
  readonly mailed: Moment;
}

/** A slot taken in a limit. */
export interface QuotaSlot {
  readonly operation: number;
  readonly taken: Moment;
}

type ByName<T> = Readonly<Record<string, T>>;

export interface State {
  readonly profiles: ByName<Profile>;
  /** Client → phone. */
  readonly sessions: ByName<string>;
  /** By phone and address. */
  readonly codes: ByName<ByName<Code>>;
  readonly phoneSlots: ByName<readonly QuotaSlot[]>;
  readonly addressSlots: ByName<readonly QuotaSlot[]>;
  /** Mails of a phone that were handed to the mail server; never given back. */
  readonly attempts: ByName<readonly QuotaSlot[]>;
  /** Requests of an old phone to move. */
  readonly proposalSlots: ByName<readonly QuotaSlot[]>;
  /** Wrong codes, by phone and address. */
  readonly wrongCodes: ByName<ByName<readonly Moment[]>>;
  /** All addresses that a phone has ever confirmed. */
  readonly confirmed: ByName<readonly string[]>;
  /** New phone → the old phones that ask to move to it. */
  readonly askedBy: ByName<readonly { readonly old: string; readonly until: Moment }[]>;
  /** Old phone → the phone that it last asked to move to. */
  readonly wants: ByName<string>;
  /** Client → the last migration that it proposed. */
  readonly proposals: ByName<{ readonly old: string; readonly phone: string; readonly until: Moment }>;
  /** Temporary credentials as answered, and how long they are reused. */
  readonly credentials: ByName<{ readonly text: string; readonly until: number }>;
  /** Phones without a profile whose sessions are about to end: between two steps of `remove` or `phone`. */
  readonly ending: readonly string[];
  /** New phones whose move another `phone` may continue → the old phone. */
  readonly moved: ByName<string>;
  /** The phones whose contacts are to hear of an `update`, once for each. */
  readonly unnotified: readonly string[];
  /** Where the profile of a phone has gone, and with it what its contacts are to hear. */
  readonly followed: ByName<string>;
  /** The phones whose contacts are to hear of a removal, once for each. */
  readonly removing: readonly string[];
  /** Moves that are about to begin, once for each `phone` that has prepared one. */
  readonly claimed: readonly { readonly from: string; readonly to: string }[];
}

export const nothing: State = {
  profiles: {},
  sessions: {},
  codes: {},
  phoneSlots: {},
  addressSlots: {},
  attempts: {},
  proposalSlots: {},
  wrongCodes: {},
  confirmed: {},
  askedBy: {},
  wants: {},
  proposals: {},
  credentials: {},
  ending: [],
  moved: {},
  unnotified: [],
  followed: {},
  removing: [],
  claimed: [],
};

export const emptyProfile: Profile = { services: [], rosters: [], settings: [], update: 0, presence: '' };

/** A copy with one more entry, or a changed one. */
export function put<T>(record: ByName<T>, name: string, value: T): ByName<T> {
  return { ...record, [name]: value };
}

/** A copy without one entry. */
export function drop<T>(record: ByName<T>, name: string): ByName<T> {
  const { [name]: _, ...rest } = record;
  return rest;
}

/** The part of a state that Redis shows when nothing is in work. */
export interface View {
  readonly profiles: ByName<unknown>;
  readonly sessions: ByName<string>;
  /** Phone → its clients. */
  readonly members: ByName<readonly string[]>;
  /** Phone → the wrong tries of each code that is still valid. */
  readonly codes: ByName<readonly number[]>;
  /** Phone or address → slots taken. */
  readonly slots: ByName<number>;
  /** Phone → its wrong codes within a day. */
  readonly wrongCodes: ByName<number>;
  /** Phone → how many addresses it has confirmed. */
  readonly confirmed: ByName<number>;
  /** New phone → old phones. */
  readonly migrations: ByName<readonly string[]>;
  /** Client → `<old phone> <new phone>` of its last proposal. */
  readonly proposals: ByName<string>;
  readonly credentials: readonly string[];
  /** Keys that belong to an unfinished request. */
  readonly unfinished: readonly string[];
}

export const hourMs = 60 * 60_000;
export const dayMs = 24 * hourMs;
export const codeMs = 10 * 60_000;
export const maxTries = 5;

/** @param now - by the clock of the store. */
export function viewOf(state: State, now: number): View {
  const members: Record<string, string[]> = {};
  for (const client of Object.keys(state.sessions).sort()) {
    const phone = state.sessions[client] ?? '';
    members[phone] = [...(members[phone] ?? []), client];
  }
  return {
    profiles: mapped(state.profiles, profileText),
    sessions: state.sessions,
    members,
    codes: mapped(state.codes, (codes) => {
      const isGood = ({ tries, mailed }: Code) => tries < maxTries && mailed.to + codeMs > now;
      const good = Object.values(codes).filter(isGood);
      return good.length === 0 ? undefined : good.map(({ tries }) => tries).sort();
    }),
    slots: mapped({ ...state.phoneSlots, ...state.addressSlots }, (places) => {
      return places.filter(({ taken }) => taken.to + hourMs > now).length || undefined;
    }),
    wrongCodes: mapped(state.wrongCodes, (codes) => {
      const all = Object.values(codes).flat();
      return all.filter(({ to }) => to + dayMs > now).length || undefined;
    }),
    confirmed: mapped(state.confirmed, (addresses) => addresses.length),
    migrations: mapped(state.askedBy, (listed, phone) => {
      const isStanding = ({ old, until }: (typeof listed)[number]) =>
        state.wants[old] === phone && until.to > now;
      const standing = listed.filter(isStanding).map(({ old }) => old);
      return standing.length === 0 ? undefined : standing.sort();
    }),
    proposals: mapped(state.proposals, ({ old, phone, until }) =>
      until.to > now ? `${old} ${phone}` : undefined,
    ),
    credentials: Object.keys(state.credentials)
      .filter((phone) => (state.credentials[phone]?.until ?? 0) > now)
      .sort(),
    unfinished: [],
  };
}

function mapped<T, U>(record: ByName<T>, map: (value: T, name: string) => U | undefined): Record<string, U> {
  const result: Record<string, U> = {};
  for (const [name, value] of Object.entries(record)) {
    const image = map(value, name);
    if (image !== undefined) result[name] = image;
  }
  return result;
}

/** One text for profiles that are equal by the contract, which does not order services and settings. */
export function profileText({ services, rosters, settings, update, presence }: Profile): string {
  return sortedText({
    services: services.map(sortedText).sort(),
    rosters,
    settings: settings.map(sortedText).sort(),
    update,
    presence,
  });
}

/** JSON with the names in alphabetical order, so that equal values have one text. */
export function sortedText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
