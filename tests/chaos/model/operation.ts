/** Requests as the model sees them, and what was answered to them. */
import type { RequestKind } from '../../../src/protocol/profile.ts';
import { type Feature, type Moment, type Profile, profileText, type Roster, type Service } from './state.ts';

/** What a `set` sends; what is absent is sent as `[]`. */
export interface Owned {
  readonly settings?: readonly Feature[];
  readonly presence?: string;
  readonly rosters?: readonly (Roster | number)[];
  readonly services?: readonly Service[];
}

/** One of the nine, or a `'Profile'` that is none. */
export type Asked = {
  readonly phone: string;
  /** Elements of the `'Profile'` after its tag; in one of 7 the presence is left out. */
  readonly size: 7 | 8;
} & (
  | { readonly kind: 'get' | 'remove' | 'migrate' | 'aws' | 'invalid' }
  /** `old`: the old phone that it names. */
  | { readonly kind: 'phone'; readonly old?: string }
  /** `malformed`: a field of the wrong shape stands beside the right ones. */
  | { readonly kind: 'set'; readonly owned: Owned; readonly malformed: boolean }
  | { readonly kind: 'update'; readonly time: number; readonly presence: string }
  | { readonly kind: 'link'; readonly address: string }
  | { readonly kind: 'email'; readonly address: string; readonly code: string }
);

export type Kind = RequestKind | 'invalid';

/** `{io,{ok|error,Word},Data}` */
export interface IoAnswer {
  readonly io: 'ok' | 'error';
  readonly word: string;
  /** The fields of the `aws` service as one text, and its expiration in Unix milliseconds. */
  readonly credentials?: { readonly text: string; readonly expiration: number };
}

/** `{'Profile',…}` */
export interface ProfileAnswer {
  readonly kind: string;
  readonly phone: string;
  readonly size: number;
  readonly balance: number;
  readonly profile: Profile;
}

export type Answer = IoAnswer | ProfileAnswer;

/** A request that was asked and answered. */
export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly asked: Asked;
  /** Its place among all events of the test: what was answered before another was asked happened before it. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** By the clock, from asking to the last answer. */
  readonly time: Moment;
  /** One; for `aws` perhaps another before it, that says that the credentials come later. */
  readonly answers: readonly Answer[];
}

export type PhoneOperation = Operation & { readonly asked: Asked & { readonly kind: 'phone' } };

/** What of the world outside matters to a group of requests. */
export interface Outside {
  /** Milliseconds of time that were skipped so far. */
  readonly skipped: number;
  readonly mail: 'accepts' | 'refuses';
  readonly sts: 'success' | 'slow' | 'AccessDenied';
  /** Address → the code that was mailed to it, if one was. */
  readonly mailed: ReadonlyMap<string, string>;
  /** Phone → the access keys that STS issued for it. */
  readonly issued: ReadonlyMap<string, readonly string[]>;
  /** The times of the server that were seen: `update` of each profile that was answered. */
  readonly updates: readonly number[];
  /** Whether a request was refused as a profile was just moving. Unless one was, nobody saw when a move began. */
  readonly sawMove: boolean;
}

/** `error not_found`, `ok verified`, `profile get`: what metrics would call it, and texts to compare. */
export function answerName(answer: Answer | undefined): string {
  if (answer === undefined) return 'none';
  return 'io' in answer ? `${answer.io} ${answer.word}` : `profile ${answer.kind}`;
}

/** One text for answers that the contract does not tell apart. */
export function answerText(answer: Answer | undefined): string {
  if (answer === undefined || 'io' in answer)
    return `${answerName(answer)} ${answer?.credentials?.text ?? ''}`;
  const { kind, phone, size, balance, profile } = answer;
  return `${kind} ${phone} ${size} ${balance} ${profileText(profile)}`;
}

/** `update` of each profile that was answered. */
export function seenUpdates(operations: readonly Operation[]): number[] {
  const answers = operations.flatMap((operation) => operation.answers);
  return [...new Set(answers.flatMap((answer) => ('io' in answer ? [] : [answer.profile.update])))];
}

/** Whether it was refused as a profile may just have been moving. */
export function isRefusedForMove({ asked: { kind }, answers }: Operation): boolean {
  const name = answerName(answers.at(-1));
  return name === 'error busy' || (kind === 'migrate' && name === 'error already_exists');
}
