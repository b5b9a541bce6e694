/**
 * Redis refuses a command that only some requests need, such as that of moves: the worker is not ready, without a break, until
 * it may run it, and names it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Redis } from 'ioredis';
import { eventually } from '../harness/harness.ts';
import { ask, confirm } from '../harness/migration.ts';
import { startWithRights } from '../harness/redis-fixture.ts';
import { profile } from '../harness/terms.ts';

/** How often Redis has refused a command. */
async function refusals(operator: Redis, command: string): Promise<number> {
  const stats = await operator.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:.*rejected_calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

describe('a worker that may not run one command', { concurrency: true }, () => {
  for (const command of ['dump', 'restore'])
    test(command.toUpperCase(), async (t) => {
      const { harness, operator, worker } = await startWithRights(t);
      const readiness = () => worker.page('/readyz');
      const [old, fresh] = [await harness.phone(), await harness.phone()];
      await old.ask(profile({ phone: old.number, status: 'set' }));
      await ask(old, fresh);

      await operator.call('ACL', 'SETUSER', 'worker', `-${command}`);
      await fresh.send(confirm(fresh));
      await eventually('not ready', async () => (await readiness()).status === 503);
      // Each check that it may not run the command leaves one more.
      const before = await refusals(operator, command);
      await eventually('it is tried again', async () => {
        const { status, body } = await readiness();
        assert.equal(status, 503);
        assert.match(
          body,
          new RegExp(`^redis: our user may not run the command ${command.toUpperCase()} `, 'm'),
        );
        return (await refusals(operator, command)) > before + 3;
      });
      assert.equal(worker.log().filter(({ msg }) => msg === 'ready').length, 1);

      await operator.call('ACL', 'SETUSER', 'worker', `+${command}`);
      await eventually('ready', async () => (await readiness()).status === 200);
    });
});
