import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain, type Group } from './linearize.ts';
import { type Operation, type ProfileAnswer, seenUpdates } from './operation.ts';
import { emptyProfile, nothing, type Profile, type State, viewOf } from './state.ts';

const [oldPhone, newPhone] = ['380671000070', '380671000071'];
const time = { from: 1_000_000, to: 1_000_100 };
const until = { from: 2_000_000, to: 2_000_000 };
const later = time.to + 60_000;

const before: State = {
  ...nothing,
  profiles: { [oldPhone]: { ...emptyProfile, update: 5 } },
  sessions: { owner: newPhone },
  askedBy: { [newPhone]: [{ old: oldPhone, until }] },
  wants: { [oldPhone]: newPhone },
};

/** What both requests answer. */
const updated: Profile = { ...emptyProfile, update: later, presence: 'away' };

/** A `phone`, and beside it an `update` that finds the profile arrived and comes before the answer to `phone`. */
function moveBesideUpdate(afterwards: Profile): Group {
  const answer = (kind: string): ProfileAnswer => ({
    kind,
    phone: newPhone,
    size: 8,
    balance: 0,
    profile: updated,
  });
  const shared = { client: 'owner', time };
  const operations: Operation[] = [
    {
      ...shared,
      id: 1,
      asked: { kind: 'update', phone: newPhone, size: 8, time: later, presence: 'away' },
      askedAt: 1,
      answeredAt: 2,
      answers: [answer('update')],
    },
    {
      ...shared,
      id: 2,
      asked: { kind: 'phone', phone: newPhone, size: 8, old: oldPhone },
      askedAt: 0,
      answeredAt: 3,
      answers: [answer('phone')],
    },
  ];
  const updates = seenUpdates(operations);
  const outside = {
    skipped: 0,
    mail: 'accepts',
    sts: 'success',
    mailed: new Map(),
    issued: new Map(),
  } as const;
  const state = { ...before, profiles: { [newPhone]: afterwards }, askedBy: {}, wants: {} };
  return {
    operations,
    outside: { ...outside, updates, sawMove: false },
    notices: [],
    copies: [],
    view: viewOf(state, time.to),
    viewedAt: time.to,
  };
}

test('a profile may arrive at a time that no answer shows, if a later one replaced it', () => {
  assert.ok(explain(before, moveBesideUpdate(updated)).state);
});

test('only the later time may stand in the store then', () => {
  const group = moveBesideUpdate({ ...updated, update: time.to });
  assert.equal(explain(before, group).state, undefined);
});
