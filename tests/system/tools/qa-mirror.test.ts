/** QA_MIRROR=on: clients that may read all topics can read all messages on qa/#. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServices } from '../../../dev/servers/services.ts';
import { atom, encode } from '../../../src/etf/index.ts';
import { requestKinds, requests } from '../../../src/handlers/index.ts';
import { Explorer } from '../../harness/explorer.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { contact, profile, roster, service } from '../../harness/terms.ts';

const services = await startServices();
const { smtp, sts } = services;
const harness = await startHarness({ settings: { QA_TEXT: 'on', QA_MIRROR: 'on', ...services.settings } });
const phone = await harness.phone({ client: 'emqttd_42', number: '380501112233' });
const explorer = await Explorer.open(harness, '380509999999');
after(async () => {
  await explorer.leave();
  await services.stop();
  await harness.stop();
});

test('a request and its answer are shown as JSON, not retained, with the time it took', async () => {
  const request = encode(profile({ phone: phone.number, status: 'get' }));
  const answer = await phone.exchange(request);
  const asked = await explorer.json('qa/req/emqttd_42/get');
  assert.equal(asked.bytes, request.length);
  assert.equal(asked.form, 'etf');
  assert.deepEqual(asked.term, {
    record: 'Profile',
    phone: phone.number,
    update: 0,
    balance: 0,
    status: 'get',
  });
  const said = await explorer.json('qa/rep/emqttd_42/get');
  assert.equal(said.bytes, answer.payload.length);
  assert.deepEqual(said.term, { error: 'not_found' });
  assert.equal(said.answer, '{io,{error,not_found},<<>>}');
  assert.deepEqual([Object.keys(said)[0], Object.keys(said).at(-1)], ['answer', 'text']);
  assert.ok(typeof said.milliseconds === 'number' && said.milliseconds > 0);
  assert.ok(explorer.seen.every(({ topic, retain }) => !retain || !/^qa\/(req|rep|ses)/.test(topic)));
});

test('unreadable messages are shown with the reason, messages of other services are not', async () => {
  await explorer.askText('{oops');
  const { because, form } = await explorer.json(`qa/req/${explorer.client}/invalid`);
  assert.match(String(because), /^line 1, column 6: /);
  assert.equal(form, 'erlang');
  const { term } = await explorer.json(`qa/rep/${explorer.client}/invalid`);
  assert.deepEqual(term, { error: 'invalid_data', data: because });
  await phone.send(encode([atom('Auth')]));
  await harness.idle();
  assert.ok(!explorer.seen.some(({ topic }) => topic.startsWith('qa/req/emqttd_42/foreign')));
});

test('codes, credentials and addresses are not shown', async () => {
  await phone.ask(profile({ phone: phone.number, services: [email()], status: 'link' }));
  const mail = await smtp.waitForMail(() => true, 60_000);
  const code = /\b\d{6}\b/.exec(mail.text)?.[0] ?? '';
  await phone.ask(profile({ phone: phone.number, services: [email(code)], status: 'email' }));
  await phone.ask(profile({ phone: phone.number, status: 'aws' }));
  await phone.ask(profile({ phone: phone.number, status: 'get' }));
  const { issued } = sts.requests().at(-1) ?? {};
  assert.ok(issued);
  assert.deepEqual((await explorer.json('qa/rep/emqttd_42/email')).term, { ok: 'verified' });
  await eventually('the profile is shown', () => explorer.on('qa/rep/emqttd_42/get').length > 1);
  const shown = explorer.seen.filter(({ topic }) => topic.startsWith('qa/')).map(({ text }) => text);
  const { accessKeyId, secretAccessKey, sessionToken } = issued.keys;
  for (const secret of [code, accessKeyId, secretAccessKey, sessionToken, 'secret.olena']) {
    assert.ok(secret && !shown.some((text) => text.includes(secret)), 'nothing secret is shown');
  }
  assert.ok(shown.some((text) => text.includes('s…@example.org')));
});

const email = (data?: string) =>
  service({ id: 'secret.olena@example.org', type: atom('email'), ...(data !== undefined && { data }) });

test('notices are shown on qa/ses/<phone>', async () => {
  const friend = await harness.phone();
  const holds = (id: string) => [roster({ userlist: [contact({ phoneId: id })] })];
  await friend.ask(profile({ phone: friend.number, rosters: holds(`${phone.number}_1`), status: 'set' }));
  await phone.ask(profile({ phone: phone.number, rosters: holds(`${friend.number}_1`), status: 'set' }));
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'update' }));
  const { term } = (await explorer.json(`qa/ses/${friend.number}`)) as { term: Record<string, unknown> };
  assert.deepEqual([term.record, term.presence, term.phone_id], ['Contact', 'online', `${phone.number}_1`]);
});

test('an empty client level is shown as "-"', async (t) => {
  const bare = await startHarness({ settings: { QA_MIRROR: 'on' }, broker: { plugin: false } });
  const reader = await Explorer.open(bare, '380501112233');
  t.after(async () => {
    await reader.leave();
    await bare.stop();
  });
  const asker = await bare.phone();
  await asker.send(profile({ phone: asker.number, status: 'get' }));
  assert.equal((await reader.json('qa/req/-/get')).form, 'etf');
  // Without QA_TEXT text is not a request, and the help explains how to change that.
  await eventually('help', () => reader.on('qa/help').length > 0);
  assert.match(reader.on('qa/help')[0]?.text ?? '', /QA_TEXT=on/);
});

test('help and an example of each request are retained for later clients', async () => {
  const late = await Explorer.open(harness, phone.number);
  await eventually('all of it', () => late.seen.filter(({ topic }) => topic.startsWith('qa/')).length >= 10);
  assert.ok(
    late.seen.filter(({ topic }) => /^qa\/(help|examples)/.test(topic)).every(({ retain }) => retain),
  );
  assert.match(late.on('qa/help')[0]?.text ?? '', /qa\/examples/);
  for (const kind of requestKinds)
    assert.equal(late.on(`qa/examples/${kind}`)[0]?.text, requests[kind].example);
  await late.leave();
});

test("MQTT Explorer's delete key removes the examples until a worker starts", async () => {
  const example = 'qa/examples/get';
  await explorer.publish('', { topic: example, retain: true });
  await harness.startWorker();
  const late = await Explorer.open(harness, phone.number);
  await eventually('the example is back', () =>
    late.on(example).some(({ text }) => text === requests.get.example),
  );
  await late.leave();
});
