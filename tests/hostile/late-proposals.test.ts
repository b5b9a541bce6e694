/** A worker that was frozen in the midst of a `migrate` changes nothing once another one has done that request. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Stores } from '../../src/store/index.ts';
import type { Database } from '../../src/store/redis/database.ts';
import { assertNothingLeft, keep } from '../harness/address-books.ts';
import { carryOut, openStoresOf, requestOf } from '../harness/direct-calls.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { ask, confirm, move } from '../harness/migration.ts';
import { fieldsOf, profile } from '../harness/terms.ts';

const harness = await startHarness({ workers: 1 });
after(() => harness.stop());

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Stores of a worker that freezes just before it runs a script, until it goes on. */
async function frozenBefore(script: string) {
  const [frozen, goesOn] = [deferred(), deferred()];
  const through = (redis: Database): Database => {
    const run: Database['run'] = async (...call) => {
      if (call[0] === script) {
        frozen.resolve();
        await goesOn.promise;
      }
      return redis.run(...call);
    };
    return new Proxy(redis, { get: (target, name) => (name === 'run' ? run : Reflect.get(target, name)) });
  };
  const { stores, close } = await openStoresOf(harness, through);
  after(close);
  return { stores, isFrozen: frozen.promise, goOn: goesOn.resolve };
}

/** The same request, as each of the workers that have it reads it. */
const migrate = (old: Phone, { number }: Phone, stores: Stores) => {
  const asked = profile({ phone: number, status: 'migrate' });
  const request = requestOf(old, asked, { phone: number, sessionPhone: old.number });
  return carryOut(request, stores);
};

/** Another worker does it meanwhile. */
async function migrateElsewhere(old: Phone, fresh: Phone): Promise<void> {
  const { stores, close } = await openStoresOf(harness);
  assert.equal((await migrate(old, fresh, stores)).result, 'migration');
  await close();
}

test('where the move is over, it lists no proposal at the new phone', async () => {
  const [old, fresh, third] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(old, {});
  const { stores, isFrozen, goOn } = await frozenBefore('propose-migration');
  const late = migrate(old, fresh, stores);
  await isFrozen;
  await migrateElsewhere(old, fresh);
  fieldsOf(await fresh.ask(confirm(fresh)));
  await harness.idle();
  await move(harness, fresh, third);
  goOn();
  assert.equal((await late).result, 'migration');
  await assertNothingLeft(harness, fresh.number);
});

test('where the phone has asked for another number since, that one still counts', async () => {
  const [old, first, last] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(old, {});
  const { stores, isFrozen, goOn } = await frozenBefore('acquire-quota');
  const late = migrate(old, first, stores);
  await isFrozen;
  await migrateElsewhere(old, first);
  await ask(old, last);
  goOn();
  assert.equal((await late).result, 'migration');
  await eventually('the later one counts', async () => {
    return (await harness.database.get(`migration:{${old.number}}:to`)) === last.number;
  });
  assert.equal(await harness.database.hexists(`migration:{${first.number}}`, old.number), 0);
});
