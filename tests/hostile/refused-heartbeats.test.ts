/**
 * Redis refuses for so long that no command is repeated any more, and nobody asks for anything: the worker lives, says the
 * whole time that it is not ready, and is ready again when that ends.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '../harness/harness.ts';
import { startWithRights } from '../harness/redis-fixture.ts';
import { profile, refusal } from '../harness/terms.ts';

type Call = readonly [string, ...string[]];

interface Refusal {
  readonly what: string;
  readonly says: RegExp;
  readonly begin: readonly Call[];
  readonly end: readonly Call[];
  /** What the worker says when it repeats a command no more. */
  readonly fails: string;
}

const denied = (command: string, fails: string): Refusal => ({
  what: `it denies ${command.toUpperCase()}`,
  says: /^redis: our user may not/m,
  begin: [['ACL', 'SETUSER', 'worker', `-${command}`]],
  end: [['ACL', 'SETUSER', 'worker', `+${command}`]],
  fails,
});

const refusals: readonly Refusal[] = [
  {
    what: 'its memory is full',
    says: /^redis: its memory is full/m,
    begin: [['CONFIG', 'SET', 'maxmemory', '1']],
    end: [['CONFIG', 'SET', 'maxmemory', '0']],
    fails: 'heartbeat failed',
  },
  {
    what: 'it cannot write its disk',
    says: /^redis: it cannot write to its disk/m,
    begin: [
      ['CONFIG', 'SET', 'dir', '/proc'],
      ['CONFIG', 'SET', 'save', '1 1'],
      ['SET', 'changed', '1'],
    ],
    end: [
      ['CONFIG', 'SET', 'save', ''],
      ['CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no'],
    ],
    fails: 'heartbeat failed',
  },
  denied('zadd', 'heartbeat failed'),
  // Heartbeats need it too. But when this was noticed first, a worker that cannot serve sends none.
  denied('time', 'cannot look for contacts to notify'),
];

describe('an idle worker outlives a Redis that refuses', { concurrency: true }, () => {
  for (const { what, says, begin, end, fails } of refusals)
    test(what, async (t) => {
      const { harness, operator, worker } = await startWithRights(t, 'enable-protected-configs yes');
      const ask = async (calls: readonly Call[]): Promise<void> => {
        for (const [name, ...words] of calls) await operator.call(name, ...words);
      };
      const lines = (message: string): number => worker.log().filter(({ msg }) => msg === message).length;

      await ask(begin);
      await eventually(fails, () => {
        assert.ok(worker.process.pid !== undefined, worker.process.log());
        return lines(fails) > 0;
      });
      const { status, body } = await worker.page('/readyz');
      assert.equal(status, 503);
      assert.match(body, says);
      assert.equal(lines('ready'), 1, 'it has been ready before, and not since');

      await ask(end);
      await eventually('it is ready', async () => (await worker.page('/readyz')).status === 200);
      const phone = await harness.phone();
      const answer = await phone.ask(profile({ phone: phone.number, status: 'get' }));
      assert.deepEqual(answer, refusal('not_found'));
      assert.equal(lines('ready'), 2);
    });
});
