/** The words that each script answers, as its head lists them; compared with the heads by `tests/unit/store/scripts.test.ts`. */
export const scriptAnswers = {
  'abort-migration': ['stored', 'changed'],
  'acquire-quota': ['stored', 'too_many_requests', 'taken'],
  'begin-move': ['stored', 'not_found', 'busy'],
  'begin-redelivery': ['stored', 'suspect', 'poisoned', 'unread', 'silent'],
  'begin-removal': ['stored', 'done', 'not_found', 'busy', 'changed'],
  'check-address': ['too_many_requests', 'yours', 'not_found'],
  'check-rights': ['stored'],
  'claim-migration': ['stored', 'changed'],
  'commit-profile': ['stored', 'done', 'changed', 'leaving'],
  'confirm-email': ['stored', 'wrong_code', 'done', 'changed'],
  'deregister-worker': ['stored', 'changed'],
  'drop-profile': ['stored', 'changed'],
  'drop-publications': ['stored'],
  'end-leaving': ['stored', 'changed'],
  'end-pass': ['stored', 'changed'],
  'give-up-subscription': ['stored', 'last'],
  heartbeat: ['stored'],
  'keep-confirmed': ['stored'],
  'keep-credentials': ['stored', 'changed'],
  'keep-lease': ['stored', 'changed'],
  'keep-poisoned': ['stored', 'done'],
  'keep-publication': ['stored', 'busy'],
  'keep-rosters': ['stored', 'changed'],
  'keep-session': ['stored', 'changed'],
  'lock-credentials': ['yours', 'asked', 'answered', 'full'],
  'mark-session': ['stored', 'changed'],
  'move-session': ['stored', 'changed'],
  'note-phone': ['stored', 'busy'],
  'note-redelivery': ['stored', 'not_found'],
  'note-removal': ['stored', 'not_found'],
  'note-subscriptions': ['stored'],
  'propose-migration': ['stored', 'done', 'full'],
  'record-move': ['stored'],
  'record-refusal': ['stored', 'done'],
  'release-migration': ['stored', 'changed'],
  'rename-contacts': ['stored', 'changed'],
  'renew-news': ['stored', 'not_found'],
  'replace-contact': ['stored', 'done', 'changed'],
  'set-migration': ['stored', 'not_found'],
  'settle-move': ['stored', 'changed'],
  'settle-phone': ['stored', 'changed'],
  'unlock-credentials': ['stored'],
  'withdraw-proposal': ['stored', 'changed'],
} as const;

/** A script that answers a word. */
export type ScriptName = keyof typeof scriptAnswers;

export type ScriptAnswer<Name extends ScriptName> = (typeof scriptAnswers)[Name][number];

/** @returns the answer if it is one that the script's head lists. */
export function answerOf<Name extends ScriptName>(
  script: Name,
  answer: unknown,
): ScriptAnswer<Name> | undefined {
  const words: readonly ScriptAnswer<Name>[] = scriptAnswers[script];
  return words.find((word) => word === answer);
}
