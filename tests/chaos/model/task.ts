/** The progress of an operation, and its possible next steps. */
import type { Contact, Moment, Profile, State } from './state.ts';

/** A contact of a profile: its roster and the `phone_id`. */
export interface Entry {
  readonly roster: number;
  readonly phoneId: string;
}

/** What a notice to counterparties contains. */
export type News =
  | { readonly is: 'state'; readonly update: number; readonly presence: string }
  | { readonly is: 'deleted' }
  | { readonly is: 'moved'; readonly from: string };

/**
 * An operation is one step where the contract allows it, and several where it changes more than one phone.
 * Counterparties are notified one by one, in any order, each in its own step.
 */
export type Task =
  | { readonly step: 'start'; readonly answered: false }
  /** The request is authorized; its session may be gone when the limits are checked. */
  | { readonly step: 'check'; readonly answered: false; readonly isOwn: boolean }
  /** The phone may try codes for the address; whether the address is its own is decided. */
  | { readonly step: 'limit'; readonly answered: false; readonly isOwn: boolean }
  /** A slot in the phone's limit is taken, and none in the address's yet. */
  | { readonly step: 'address'; readonly answered: false }
  | { readonly step: 'mail'; readonly answered: false }
  /** An address is verified, and not yet stored beside the profile. */
  | { readonly step: 'remember'; readonly answered: false }
  /** A new phone may be asked for; the old one does not want to move there yet. */
  | { readonly step: 'want'; readonly answered: false; readonly old: string }
  /** An old phone wants to move, and the new one does not list it yet. */
  | { readonly step: 'list'; readonly answered: false; readonly old: string; readonly until: Moment }
  /** A move is prepared, and has not begun. */
  | { readonly step: 'claimed'; readonly answered: false; readonly from: string }
  | { readonly step: 'arrive'; readonly answered: false; readonly from: string; readonly profile: Profile }
  | {
      readonly step: 'sessions';
      readonly answered: false;
      readonly entries: readonly Entry[];
      readonly news: News;
    }
  /** The clients that hear the answer too are to be read. */
  | { readonly step: 'listeners'; readonly answered: false; readonly news: News }
  /** A profile that has arrived is read and answered. */
  | {
      readonly step: 'say';
      readonly answered: false;
      readonly news: News;
      readonly copies: readonly string[];
    }
  /** It remains to read what the contacts are to hear, and whether the profile is moving. */
  | {
      readonly step: 'entries';
      readonly answered: true;
      readonly news: News;
      readonly all: readonly Entry[];
    }
  | {
      readonly step: 'notify';
      readonly answered: true;
      readonly news: News;
      readonly all: readonly Entry[];
      readonly left: readonly Entry[];
      /** Whose contacts are told, if the profile has moved since the request. */
      readonly phone?: string;
      /** The content of the next notices. */
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

/** A step: the next states, and the messages besides the answer. */
export interface Move {
  readonly state: State;
  readonly task: Task;
  readonly notices?: readonly Notice[];
  /** Clients that receive the answer of a `remove` or a `phone` too. */
  readonly copies?: readonly string[];
}
