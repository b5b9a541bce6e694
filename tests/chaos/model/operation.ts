/** Requests in the model, and their answers. */
import { type Feature, type Moment, type Profile, profileText, type Roster, type Service } from './state.ts';

/** The fields of a `set`; an absent one is sent as `[]`. */
export interface Owned {
  readonly settings?: readonly Feature[];
  readonly presence?: string;
  readonly rosters?: readonly (Roster | number)[];
  readonly services?: readonly Service[];
}

/** One of the nine, or a `'Profile'` with an unknown status. */
export type Asked = {
  readonly phone: string;
  /** Elements of the `'Profile'` after its tag; one of 7 has no presence. */
  readonly size: 7 | 8;
} & (
  | { readonly kind: 'get' | 'remove' | 'migrate' | 'aws' | 'invalid' }
  /** `old`: the old phone that it names. */
  | { readonly kind: 'phone'; readonly old?: string }
  /** `malformed`: a field of the wrong shape among valid ones. */
  | { readonly kind: 'set'; readonly owned: Owned; readonly malformed: boolean }
  | { readonly kind: 'update'; readonly time: number; readonly presence: string }
  | { readonly kind: 'link'; readonly address: string }
  | { readonly kind: 'email'; readonly address: string; readonly code: string }
);

/** The kinds that the model has a contract for. */
export type Kind = Asked['kind'];

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

/** A request with its answers. */
export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly asked: Asked;
  /** Its index among all events of the test; a request answered before another was sent happened before it. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** From sending to the last answer, by the clock. */
  readonly time: Moment;
  /** One answer; for `aws` possibly another before it, which announces the credentials. */
  readonly answers: readonly Answer[];
}

export type PhoneOperation = Operation & { readonly asked: Asked & { readonly kind: 'phone' } };

/** External facts that matter to a group of requests. */
export interface Outside {
  /** Milliseconds that were skipped so far. */
  readonly skipped: number;
  readonly mail: 'accepts' | 'refuses';
  readonly sts: 'success' | 'slow' | 'AccessDenied';
  /** Address → the code mailed to it, if any. */
  readonly mailed: ReadonlyMap<string, string>;
  /** Phone → the access keys that STS issued for it. */
  readonly issued: ReadonlyMap<string, readonly string[]>;
  /** The server times in answers: `update` of each answered profile. */
  readonly updates: readonly number[];
  /** Whether a request was refused because the profile was moving. Otherwise nothing shows when a move began. */
  readonly sawMove: boolean;
}

/** `error not_found`, `ok verified`, `profile get`: the metric's label, and texts to compare. */
export function answerName(answer: Answer | undefined): string {
  if (answer === undefined) return 'none';
  return 'io' in answer ? `${answer.io} ${answer.word}` : `profile ${answer.kind}`;
}

/** One text for answers that are equal by the contract. */
export function answerText(answer: Answer | undefined): string {
  if (answer === undefined || 'io' in answer)
    return `${answerName(answer)} ${answer?.credentials?.text ?? ''}`;
  const { kind, phone, size, balance, profile } = answer;
  return `${kind} ${phone} ${size} ${balance} ${profileText(profile)}`;
}

/** `update` of each answered profile. */
export function seenUpdates(operations: readonly Operation[]): number[] {
  const answers = operations.flatMap((operation) => operation.answers);
  return [...new Set(answers.flatMap((answer) => ('io' in answer ? [] : [answer.profile.update])))];
}

/** Whether it was refused, possibly because the profile was moving. */
export function isRefusedForMove({ asked: { kind }, answers }: Operation): boolean {
  const name = answerName(answers.at(-1));
  return name === 'error busy' || (kind === 'migrate' && name === 'error already_exists');
}
