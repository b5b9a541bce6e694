/** A refused request is redelivered because the broker did not get its acknowledgement. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, decode, type Term } from '../../../src/etf/index.ts';
import { PUBACK } from '../../harness/framing.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { fieldsOf, profile, refusal } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 0 });
const relay = await harness.relay();
const worker = await harness.startWorker({ MQTT_URL: relay.url });
after(() => harness.stop());

const ask = (
  phone: Phone,
  status: string,
  more: Partial<Parameters<typeof profile>[0]> = {},
  correlationData?: Buffer,
): Promise<Term> =>
  phone.ask(
    profile({ phone: phone.number, ...more, status }),
    correlationData && { properties: { correlationData } },
  );

for (const [status, refused, correlation] of [
  ['remove', 'not_found', undefined],
  ['update', 'not_found', undefined],
  ['phone', 'not_authorized', undefined],
  ['remove', 'not_found', 'with Correlation Data'],
] as const) {
  test(`${status} ${correlation ?? ''}: refused, and made possible meanwhile: it stays refused`, async () => {
    const [phone, old] = [await harness.phone(), await harness.phone()];
    await worker.idle();
    await phone.fence();
    const lost = relay.lost;
    relay.lose(PUBACK);
    const data = correlation && Buffer.from(correlation);
    assert.deepEqual(await ask(phone, status, { presence: atom('late') }, data), refusal(refused));
    await eventually('the acknowledgement is lost', () => relay.lost > lost);
    relay.lose();

    if (status === 'phone') {
      await ask(old, 'set', { presence: atom('kept') });
      await old.ask(profile({ phone: phone.number, status: 'migrate' }));
    } else await ask(phone, 'set', { presence: atom('kept') });
    await worker.idle(); // Later requests are acknowledged.
    await worker.process.kill('SIGKILL');
    await worker.process.restart();
    assert.deepEqual(decode((await phone.take()).payload), refusal(refused));
    assert.equal(await worker.metric('profile_redeliveries_total'), 1);
    const owner = status === 'phone' ? old : phone;
    assert.deepEqual(fieldsOf(await ask(owner, 'get')).presence, atom('kept'));
  });
}
