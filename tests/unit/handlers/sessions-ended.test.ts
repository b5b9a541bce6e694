/** The broker's clients after a crash during a removal: a redelivery names the phone again until all are notified. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits, encode } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import { knownKinds } from '../../../src/handlers/index.ts';
import type { RecordedRequest } from '../../../src/handlers/outcome.ts';
import { remove } from '../../../src/handlers/remove.ts';
import { readProfile } from '../../../src/protocol/profile.ts';
import { profile } from '../../harness/terms.ts';

const phone = '380501112233';

/** The outcome of `remove` at a redelivery after its commit; `left` is the unfinished removal. */
async function redelivered(left: object | undefined) {
  const sent = readProfile(encode(profile({ phone, status: 'remove' })), defaultLimits, knownKinds);
  assert.ok(typeof sent !== 'string');
  const request = { sent, phone, replyTo: { client: 'client' } };
  const means = { removals: { find: async () => left } };
  return remove.replay(request as unknown as RecordedRequest, 'ok', means as unknown as Context);
}

test('a removal with pending notices names the phone again', async () => {
  const { sessionsEnded, fanOut } = await redelivered({
    clients: ['client'],
    entries: [],
    hasEndedSessions: true,
  });
  assert.equal(sessionsEnded, phone);
  assert.equal(fanOut, phone);
});

test('a finished removal names nobody: a client of the phone has signed in again', async () => {
  assert.equal((await redelivered(undefined)).sessionsEnded, undefined);
});
