/** How far an operation has come, and what it may do next. */
import type { Contact, Moment, Profile, State } from './state.ts';

/** A contact of a profile: its roster and the `phone_id`. */
export interface Entry {
  readonly roster: number;
  readonly phoneId: string;
}

/** What counterparties are told of a profile. */
export type News =
  | { readonly is: 'state'; readonly update: number; readonly presence: string }
  | { readonly is: 'deleted' }
  | { readonly is: 'moved'; readonly from: string };

/**
 * An operation is one step where the contract lets it be one, and several where it changes more than one phone:
 * counterparties are told one by one, in any order, each in a step of its own.
 */
export type Task =
  | { readonly step: 'start'; readonly answered: false }
  /** Who asks may; by the time that the limits are asked, its session may be gone. */
  | { readonly step: 'check'; readonly answered: false; readonly isOwn: boolean }
  /** The phone may try codes for the address; whether that is its own is known. */
  | { readonly step: 'limit'; readonly answered: false; readonly isOwn: boolean }
  /** A place in the phone's limit is taken, and none in the address's yet. */
  | { readonly step: 'address'; readonly answered: false }
  | { readonly step: 'mail'; readonly answered: false }
  /** An address is verified, and not yet remembered beside the profile. */
  | { readonly step: 'remember'; readonly answered: false }
  /** A new phone may be asked for; the old one does not want to move there yet. */
  | { readonly step: 'want'; readonly answered: false; readonly old: string }
  /** An old phone wants to move, and the new one does not list it yet. */
  | { readonly step: 'list'; readonly answered: false; readonly old: string; readonly until: Moment }
  /** A move is taken in hand, and not begun. */
  | { readonly step: 'claimed'; readonly answered: false; readonly from: string }
  | { readonly step: 'arrive'; readonly answered: false; readonly from: string; readonly profile: Profile }
  | {
      readonly step: 'sessions';
      readonly answered: false;
      readonly entries: readonly Entry[];
      readonly news: News;
    }
  /** A profile that has arrived is read, and answered. */
  | { readonly step: 'say'; readonly answered: false; readonly news: News }
  /** Whether the profile is just moving is yet to be read. */
  | {
      readonly step: 'entries';
      readonly answered: true;
      readonly news: News;
      readonly all: readonly Entry[];
    }
  | {
      readonly step: 'tell';
      readonly answered: true;
      readonly news: News;
      readonly all: readonly Entry[];
      readonly left: readonly Entry[];
      /** What they are told next. */
      readonly afterwards?: News;
    }
  | { readonly step: 'done'; readonly answered: true };

export const start: Task = { step: 'start', answered: false };
export const done: Task = { step: 'done', answered: true };

/** `Contact` on `ses/<phone>`. */
export interface Notice {
  readonly phone: string;
  readonly contact: Contact;
}

/** A step: what follows, and what it says beside the answer. */
export interface Move {
  readonly state: State;
  readonly task: Task;
  readonly notices?: readonly Notice[];
  /** Clients that get the answer of a `remove` too. */
  readonly copies?: readonly string[];
}
