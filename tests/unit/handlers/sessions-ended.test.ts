/** The broker's clients follow a removal that a crash cut off: a redelivery names the phone again until all is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits, encode } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import { handlers } from '../../../src/handlers/index.ts';
import type { Request } from '../../../src/handlers/outcome.ts';
import { readProfile } from '../../../src/protocol/profile.ts';
import { profile } from '../../harness/terms.ts';

const phone = '380501112233';

/** What `remove` has to say when it is delivered again and was done before; `left` is the removal that has not ended. */
async function redelivered(left: object | undefined) {
  const sent = readProfile(encode(profile({ phone, status: 'remove' })), defaultLimits);
  assert.ok(typeof sent !== 'string');
  const request = { sent, phone, key: 'key', record: 'ok v', done: 'ok', replyTo: { client: 'client' } };
  const means = { removals: { find: async () => left } };
  return handlers.remove(request as unknown as Request, means as unknown as Context);
}

test('a removal whose notices are not all told names the phone again', async () => {
  const { sessionsEnded, notices } = await redelivered({
    clients: ['client'],
    entries: [],
    hasEndedSessions: true,
  });
  assert.equal(sessionsEnded, phone);
  assert.ok(notices !== undefined);
});

test('one that has ended names nobody: who has the phone by now has signed in anew', async () => {
  assert.equal((await redelivered(undefined)).sessionsEnded, undefined);
});
