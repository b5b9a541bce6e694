/** Names with a meaning in JavaScript, as tags, keys, statuses and client ids: to the worker they have none. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, decode, encode, print, Tuple, tuple } from '../../../src/etf/index.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { elementsOf, feature, fieldsOf, profile, refusal, service } from '../../harness/terms.ts';

const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
];

const harness = await startHarness({ settings: { QA_TEXT: 'on' } });
after(() => harness.stop());

test('as keys of settings they are settings like any other: stored, answered, removed', async () => {
  const phone = await harness.phone();
  const settings = names.flatMap((name) => [feature(name, `value of ${name}`)]);
  const set = (values: readonly Tuple[]) =>
    phone.ask(profile({ phone: phone.number, status: 'set', settings: [...values] }));
  assert.deepEqual(fieldsOf(await set(settings)).settings, settings);
  const got = fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' })));
  assert.deepEqual(
    elementsOf(got.settings)
      .map((term) => print(term))
      .sort(),
    settings.map((term) => print(term)).sort(),
  );
  assert.deepEqual(fieldsOf(await set(names.map((name) => feature(name, [])))).settings, []);
});

for (const name of names) {
  test(`${name} is no status, no type of a service, and no record`, async () => {
    const phone = await harness.phone();
    assert.deepEqual(
      await phone.ask(profile({ phone: phone.number, status: name })),
      refusal('invalid_data'),
    );
    const services = [service({ id: 'x', type: name })];
    const set = profile({ phone: phone.number, status: 'set', services });
    assert.deepEqual(await phone.ask(set), refusal('invalid_data'));
    const foreign = 'profile_ignored_total{reason="foreign"}';
    const before = await harness.metric(foreign);
    const elements = profile({ phone: phone.number, status: 'get' }).elements.slice(1);
    await phone.send(new Tuple([atom(name), ...elements]));
    await eventually('it is another service’s', async () => (await harness.metric(foreign)) === before + 1);
  });

  test(`a client with the id ${name} is a client like any other`, async () => {
    const phone = await harness.phone({ client: name });
    assert.equal(
      fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'set' }))).update !== undefined,
      true,
    );
  });

  test(`as text and as JSON ${name} is refused where it has no meaning, and changes no prototype`, async () => {
    const phone = await harness.phone();
    const texts = [
      `#'${name}'{phone = <<"${phone.number}">>, status = get}`,
      `{"${name}":{"polluted":true},"request":"get","phone":"${phone.number}"}`,
      `{"request":"${name}","phone":"${phone.number}"}`,
    ];
    for (const text of texts)
      assert.match(`${(await phone.exchange(Buffer.from(text))).payload}`, /error/, text);
    const answer = await phone.ask(profile({ phone: phone.number, status: 'set' }));
    assert.ok(!print(answer).includes('polluted'));
  });
}

test('integers of any size and nesting of any kind are carried through or refused, and the worker keeps running', async () => {
  const phone = await harness.phone();
  const huge = 2n ** 100_000n;
  let deep: unknown = [];
  for (let level = 0; level < 50; level++) deep = tuple(deep as never);
  const wide = Array.from({ length: 20_000 }, (_, index) => index);
  const settings = [feature('huge', huge), feature('deep', deep as never), feature('wide', wide)];
  const answer = await phone.ask(profile({ phone: phone.number, status: 'set', settings }));
  assert.deepEqual(fieldsOf(answer).settings, settings);
  const asPhone = encode(profile({ phone: huge as never, status: 'get' }));
  assert.deepEqual(decode((await phone.exchange(asPhone)).payload), refusal('invalid_data'));
  const asTime = profile({ phone: phone.number, status: 'update', update: huge as never });
  const outcome = print(await phone.ask(asTime));
  assert.match(outcome, /update|invalid_data/);
  assert.ok(outcome.length < 2_000_000);
});
