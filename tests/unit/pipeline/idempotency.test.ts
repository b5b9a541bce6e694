/** What a repeat of a request gets. Stores are stand-ins here, so that another worker decides at a given moment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Context } from '../../../src/handlers/handler.ts';
import { type RequestRow, requests } from '../../../src/handlers/index.ts';
import {
  decidedByOther,
  type Outcome,
  type RecordedRequest,
  refuse,
  succeed,
} from '../../../src/handlers/outcome.ts';
import type { Delivery } from '../../../src/mqtt/connection.ts';
import { handleOnce, keysOf, mayGoOn, pastOf } from '../../../src/pipeline/idempotency.ts';
import type { Refusal } from '../../../src/protocol/io.ts';

const phone = '380501112233';
const other = '380671112233';

function delivery(more: Partial<Delivery> = {}): Delivery {
  const broker = { session: 'session' };
  const payload = Buffer.from('payload');
  const isStillOwned = async () => true;
  return { broker, packetId: 1, payload, redelivered: false, isStillOwned, ...more } as unknown as Delivery;
}

const correlationData = Buffer.of(1);

test('a redelivery has the keys of the first delivery, another request has not', () => {
  const keys = keysOf(delivery(), 'client');
  assert.deepEqual(keysOf(delivery({ redelivered: true }), 'client'), keys);
  assert.equal(keys.request, keys.delivery);
  for (const changed of [{ packetId: 2 }, { payload: Buffer.from('other') }])
    assert.notEqual(keysOf(delivery(changed), 'client').request, keys.request);
  assert.notEqual(keysOf(delivery(), 'other').request, keys.request);
});

test('with Correlation Data a client’s own repeat has the key of what was done, but not of what was refused', () => {
  const [first, again] = [1, 2].map((packetId) => keysOf(delivery({ packetId, correlationData }), 'client'));
  assert.equal(first?.request, again?.request);
  assert.notEqual(first?.delivery, again?.delivery);
});

interface PastCase {
  readonly row?: RequestRow;
  readonly record?: string;
  readonly refusal?: string;
  readonly sessionPhone?: string | undefined;
  readonly more?: Partial<Delivery>;
}

async function past({ row = requests.set, record = '', refusal = '', more = {}, ...asker }: PastCase) {
  const state = { session: undefined, stored: undefined, record, refusal };
  const sessionPhone = 'sessionPhone' in asker ? asker.sessionPhone : phone;
  const came = delivery(more);
  const { word, refused } = await pastOf(came, keysOf(came, 'client'), state, { row, phone, sessionPhone });
  return word ?? refused;
}

const redelivered = { redelivered: true };
const takenOver = { isStillOwned: async () => false };

test('a record counts for a redelivery, after a takeover, and for a repeat with Correlation Data', async () => {
  assert.equal(await past({ record: 'ok v' }), undefined);
  for (const more of [redelivered, takenOver, { correlationData }])
    assert.equal(await past({ record: 'ok v', more }), 'ok');
});

test('for a client that may not ask, only the broker’s word counts', async () => {
  const signedOut = { row: requests.update, record: 'ok v', sessionPhone: undefined };
  assert.equal(await past({ ...signedOut, more: { correlationData } }), undefined);
  assert.equal(await past({ ...signedOut, more: redelivered }), 'ok');
});

test('a refusal counts for a redelivery alone', async () => {
  const refused = 'refused:busy v';
  assert.equal(await past({ refusal: refused, more: redelivered }), 'busy');
  assert.equal(await past({ refusal: refused, more: { correlationData } }), undefined);
});

test('a kind that names any phone has a past with the session that asked, or by the broker’s word', async () => {
  const asked = { row: requests.migrate, record: `migration ${other}` };
  assert.equal(await past({ ...asked, sessionPhone: other, more: { correlationData } }), 'migration');
  assert.equal(await past({ ...asked, sessionPhone: '380991112233', more: { correlationData } }), undefined);
  assert.equal(await past({ ...asked, sessionPhone: '380991112233', more: redelivered }), 'migration');
});

test('without a session a request goes on by the row of its kind', () => {
  const goesOn = (row: RequestRow, word?: string, isRedelivered = true) =>
    mayGoOn({ row, phone, sessionPhone: undefined }, word, isRedelivered);
  for (const [kind, row] of Object.entries(requests)) {
    assert.equal(goesOn(row, 'ok'), ['update', 'remove', 'phone'].includes(kind), kind);
    assert.equal(goesOn(row), ['remove', 'phone'].includes(kind), kind);
    assert.equal(goesOn(row, undefined, false), false, kind);
  }
});

/** Handle a request whose record another worker may write meanwhile. */
async function handle(handling: Outcome, changed: { record?: string; sessionPhone?: string } = {}) {
  const { record = '', sessionPhone = phone } = changed;
  const calls: string[] = [];
  const row: RequestRow = {
    ...requests.set,
    handler: {
      handle() {
        calls.push('handle');
        return handling;
      },
      replay(_, word) {
        calls.push(`replay ${word}`);
        return succeed('verified');
      },
    },
  };
  const context = {
    idempotencyRecords: {
      read: async () => record,
      recordRefusal: async (_: unknown, __: unknown, word: string) => {
        calls.push(word);
        return record === '' ? 'stored' : 'done';
      },
    },
    profiles: { read: async () => undefined },
    sessions: { phoneOf: async () => sessionPhone },
  } as unknown as Context;
  const request = {
    phone,
    sessionPhone: phone,
    replyTo: { client: 'client' },
    ref: { phone, key: 'key', record: '' },
    delivery: delivery(),
  } as unknown as RecordedRequest;
  const nothing = { word: undefined, refused: undefined, refusal: { key: 'key', record: '' } };
  return { calls, result: (await handleOnce(row, request, nothing, context)).result };
}

test('a refusal that might not be met again is recorded, another is not', async () => {
  const recorded = async (refusal: Refusal) => (await handle(refuse(refusal))).calls;
  assert.deepEqual(await recorded('busy'), ['handle', 'refused:busy']);
  assert.deepEqual(await recorded('invalid_data'), ['handle']);
});

test('what another worker has decided meanwhile is replayed, also where this one would refuse', async () => {
  const record = 'ok v';
  assert.deepEqual(await handle(decidedByOther, { record }), {
    calls: ['handle', 'replay ok'],
    result: 'verified',
  });
  const late = await handle(refuse('not_found'), { record });
  assert.deepEqual(late, { calls: ['handle', 'refused:not_found', 'replay ok'], result: 'verified' });
  assert.equal((await handle(decidedByOther, { record: 'refused:busy v' })).result, 'busy');
});

test('whose session has gone meanwhile hears nothing of it', async () => {
  const { calls, result } = await handle(decidedByOther, { record: 'ok v', sessionPhone: other });
  assert.deepEqual([calls, result], [['handle'], 'not_authorized']);
});
