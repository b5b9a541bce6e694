/**
 * Redis refuses in every way that it has. The worker is not ready and says why and what to do, in words; what a client asks waits
 * or is answered as it can be; and all of it ends without a restart.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { atom } from '../../src/etf/index.ts';
import { eventually, type Harness, startHarness } from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';

type Call = readonly [string, ...string[]];

interface Refusal {
  readonly cause: string;
  readonly says: RegExp;
  readonly begin: readonly Call[];
  readonly end: readonly Call[];
  /** Whether a profile can be read meanwhile. */
  readonly reads?: boolean;
}

const refusals: readonly Refusal[] = [
  {
    cause: 'read_only',
    says: /^redis: it is a replica.*name the master/m,
    begin: [['REPLICAOF', '127.0.0.1', '1']],
    end: [['REPLICAOF', 'NO', 'ONE']],
  },
  {
    cause: 'full',
    says: /^redis: its memory is full.*maxmemory/m,
    begin: [['CONFIG', 'SET', 'maxmemory', '1']],
    end: [['CONFIG', 'SET', 'maxmemory', '0']],
    reads: true,
  },
  {
    cause: 'no_rights',
    says: /^redis: our user may not run the command (HSET|HSETNX) \(NOPERM\); give it rights/m,
    begin: [['ACL', 'SETUSER', 'worker', '-hset']],
    end: [['ACL', 'SETUSER', 'worker', '+hset']],
    reads: true,
  },
  {
    cause: 'few_replicas',
    says: /^redis: too few replicas/m,
    begin: [['CONFIG', 'SET', 'min-replicas-to-write', '1']],
    end: [['CONFIG', 'SET', 'min-replicas-to-write', '0']],
    reads: true,
  },
  {
    cause: 'wrong_password',
    says: /^redis: it does not take our user and password.*REDIS_URL/m,
    begin: [
      ['ACL', 'SETUSER', 'worker', 'resetpass', '>another'],
      ['CLIENT', 'KILL', 'USER', 'worker'],
    ],
    end: [['ACL', 'SETUSER', 'worker', 'resetpass', '>secret']],
  },
  {
    cause: 'master_down',
    says: /^redis: it is a replica that has lost its master/m,
    begin: [
      ['CONFIG', 'SET', 'replica-serve-stale-data', 'no'],
      ['REPLICAOF', '127.0.0.1', '1'],
    ],
    end: [
      ['REPLICAOF', 'NO', 'ONE'],
      ['CONFIG', 'SET', 'replica-serve-stale-data', 'yes'],
    ],
  },
];

async function start(
  t: TestContext,
): Promise<{ harness: Harness; ask: (calls: readonly Call[]) => Promise<void> }> {
  const harness = await startHarness({
    workers: 0,
    redis: { extraConfig: 'user worker on >secret ~* &* +@all' },
  });
  t.after(() => harness.stop());
  const operator = new Redis(harness.redis.url);
  t.after(() => operator.disconnect());
  await harness.startWorker({ REDIS_URL: harness.redis.url.replace('://', '://worker:secret@') });
  const ask = async (calls: readonly Call[]): Promise<void> => {
    for (const [name, ...words] of calls) await operator.call(name, ...words);
  };
  return { harness, ask };
}

test('each refusal has a cause in /readyz, the log and a metric; what was asked meanwhile is done when it ends', async (t) => {
  const { harness, ask } = await start(t);
  const { worker } = harness;
  const phone = await harness.phone();
  const set = (presence: string) =>
    phone.send(profile({ phone: phone.number, presence: atom(presence), status: 'set' }));
  const answers = (count: number, what: string) =>
    eventually(
      what,
      () => phone.answers.splice(0, phone.answers.length >= count ? count : 0).length === count,
    );
  await set('first');
  await answers(1, 'the profile is stored');

  for (const { cause, says, begin, end, reads } of refusals) {
    const series = `profile_redis_fault{cause="${cause}"}`;
    assert.equal(await worker.metric(series), 0);
    await ask(begin);
    await set(cause);
    await eventually(`${cause} is told`, async () => says.test((await worker.page('/readyz')).body));
    assert.equal((await worker.page('/readyz')).status, 503);
    assert.equal(await worker.metric(series), 1);
    assert.ok(
      worker.log().some(({ troubles }) => says.test(String(troubles))),
      cause,
    );
    if (reads) {
      await phone.send(profile({ phone: phone.number, status: 'get' }));
      await answers(1, `a profile is read: ${cause}`);
    }
    assert.deepEqual(phone.answers, [], `a change waits: ${cause}`);
    await ask(end);
    await answers(1, `the change is done: ${cause}`);
    await eventually('ready', async () => (await worker.page('/readyz')).status === 200);
    assert.equal(await worker.metric(series), 0);
  }
  const secrets = worker.process.log();
  assert.doesNotMatch(secrets, /:secret@/);
});
