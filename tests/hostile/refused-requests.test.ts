/** A client that asks far above its limit: what is refused is answered, and costs Redis nothing. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode, print } from '../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { fieldsOf, profile, refusal } from '../harness/terms.ts';

const ASKED = 4_000;
const RATE = 1;
const BURST = 20;

const harness = await startHarness({
  redis: {},
  workers: 2,
  // Only requests must be counted.
  settings: {
    CLIENT_RATE: `${RATE}`,
    CLIENT_BURST: `${BURST}`,
    HEARTBEAT_MS: '60000',
    HEIR_AFTER_MS: '180000',
    LOG_LEVEL: 'info',
  },
});
after(() => harness.stop());

const get = ({ number }: Phone) => profile({ phone: number, status: 'get' });

async function scriptsRun(): Promise<number> {
  const stats = await harness.database.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test('4,000 requests of one client: each is answered, and Redis works for those within the limit only', async () => {
  const attacker = await harness.phone();
  await attacker.ask(get(attacker));
  await harness.idle();
  const [scripts, begun] = [await scriptsRun(), performance.now()];
  for (let sent = 0; sent < ASKED; sent += 200)
    await Promise.all(Array.from({ length: 200 }, () => attacker.send(get(attacker), { qos: 1 })));
  await eventually('all are answered', () => attacker.answers.length >= ASKED);
  await harness.idle();
  const letIn = attacker.answers.filter(
    ({ payload }) => print(decode(payload)) !== print(refusal('too_many_requests')),
  ).length;
  assert.equal(attacker.answers.length, ASKED, 'each is answered once');
  // Each worker may let in a burst before it hears of the other.
  const allowed = 2 * BURST + ((performance.now() - begun) / 1_000) * RATE;
  assert.ok(letIn <= allowed, `${letIn} are let in, of ${allowed.toFixed(0)} allowed`);
  // A read for each that is let in, and reports of what they used.
  const run = (await scriptsRun()) - scripts;
  assert.ok(run <= 3 * letIn, `${run} scripts for ${letIn} requests`);
});

test('meanwhile its neighbours are answered each time', async () => {
  const attacker = await harness.phone();
  const neighbours = await Promise.all(Array.from({ length: 10 }, () => harness.phone()));
  for (const phone of neighbours) await phone.ask(profile({ phone: phone.number, status: 'set' }));
  const flood = Promise.all(Array.from({ length: ASKED }, () => attacker.send(get(attacker), { qos: 1 })));
  for (let round = 0; round < 5; round++)
    for (const phone of neighbours) fieldsOf(await phone.ask(get(phone)));
  await flood;
  await eventually('the flood is answered too', () => attacker.answers.length >= ASKED);
});
