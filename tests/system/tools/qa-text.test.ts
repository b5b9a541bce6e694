/**
 * QA_TEXT=on: a client that can publish only text, such as MQTT Explorer, sends all nine requests and reads the
 * answers.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServices } from '../../../dev/servers/services.ts';
import {
  decode,
  encode,
  isAtom,
  parse as parseText,
  print,
  type Term,
  Tuple,
} from '../../../src/etf/index.ts';
import { requests } from '../../../src/handlers/index.ts';
import { records } from '../../../src/qa/formats/record-fields.ts';
import { Explorer } from '../../harness/explorer.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { contact, feature, fieldsOf, profile, refusal, roster, service } from '../../harness/terms.ts';

const services = await startServices();
const { smtp, sts } = services;
const harness = await startHarness({ settings: { QA_TEXT: 'on', ...services.settings } });
const explorer = await Explorer.open(harness, '380501112233');
after(async () => {
  await explorer.leave();
  await services.stop();
  await harness.stop();
});

const parse = (text: string): Term => parseText(text, { records });
const askTerm = async (request: string): Promise<Term> => parse(await explorer.askText(request));

test('all nine requests, as Erlang text', async () => {
  const friend = await harness.phone({ number: '380671112233' });
  await friend.ask(
    profile({
      phone: friend.number,
      rosters: [roster({ id: 7, userlist: [contact({ phoneId: '380501112233_1' })] })],
      status: 'set',
    }),
  );
  assert.deepEqual(await askTerm(requests.get.example), refusal('not_found'));
  const stored = {
    phone: '380501112233',
    rosters: [roster({ names: 'Olena', userlist: [contact({ phoneId: '380671112233_7', names: 'Taras' })] })],
    settings: [feature('LANG', 'uk')],
  };
  const set = await askTerm(requests.set.example);
  const { update = 0 } = fieldsOf(set);
  assert.deepEqual(set, profile({ ...stored, update, status: 'set' }));
  const updated = await askTerm(requests.update.example);
  const presence = parse('online');
  assert.deepEqual(updated, profile({ ...stored, update, presence, status: 'update' }));
  // Notices stay ETF for any request.
  await eventually('a notice', () => friend.notices.length > 0);
  const [notice] = await friend.newNotices();
  assert.deepEqual(notice, contact({ phoneId: '380501112233_1', update: Number(update), presence }));

  assert.deepEqual(await askTerm(requests.link.example), parse('{io,{ok,email_sent},<<>>}'));
  assert.deepEqual(await askTerm(requests.email.example), refusal('wrong_code'));
  const { text: mail } = await smtp.waitForMail(({ to }) => to.includes('olena@example.org'), 60_000);
  const right = requests.email.example.replaceAll('000000', /\b\d{6}\b/.exec(mail)?.[0] ?? '');
  assert.deepEqual(await askTerm(right), parse('{io,{ok,verified},<<>>}'));
  const aws = await askTerm(requests.aws.example);
  const issued = sts.requests().at(-1)?.issued;
  assert.match(print(aws), /^\{io,\{ok,aws\},\{'Service',.*,verified\}\}$/);
  assert.ok(print(aws).includes(issued?.keys.accessKeyId ?? '?'));

  assert.deepEqual(await askTerm(requests.migrate.example), parse('{io,{ok,migration},<<>>}'));
  const other = await Explorer.open(harness, '380931112233');
  const services = [service({ id: 'olena@example.org', type: parse('email'), status: parse('verified') })];
  const moved = parse(await other.askText(requests.phone.example));
  const { update: movedAt = 0 } = fieldsOf(moved);
  assert.deepEqual(
    moved,
    profile({ ...stored, phone: '380931112233', services, update: movedAt, presence, status: 'phone' }),
  );
  await harness.idle(); // Until then the phone is busy with the move.
  const removed = parse(await other.askText(requests.remove.example.replace('380501112233', '380931112233')));
  assert.deepEqual(removed, profile({ phone: '380931112233', status: 'remove' }));
  // The other client of the phone sent text, and gets its notice as text.
  await eventually(
    'an answer to the other',
    () => explorer.answered().at(-1)?.text.includes('remove') ?? false,
  );
  assert.deepEqual(parse(explorer.answered().at(-1)?.text ?? ''), removed);
  await other.leave();
  await harness.signIn(explorer.client, '380501112233');
});

test('a text answer names the fields that are set, and a contact takes a line', async () => {
  await explorer.askText(requests.set.example);
  const { update = 0 } = fieldsOf(await askTerm(requests.get.example));
  assert.equal(
    (await explorer.askText(requests.get.example)).replaceAll(print(update), 'Time'),
    `#'Profile'{
  phone = <<"380501112233">>,
  rosters = [
    #'Roster'{
      id = 1,
      names = <<"Olena">>,
      userlist = [#'Contact'{phone_id = <<"380671112233_7">>, names = <<"Taras">>}]
    }
  ],
  settings = [#'Feature'{key = <<"LANG">>, value = <<"uk">>}],
  update = Time,
  status = get
}`,
  );
});

test('all nine requests as JSON, hexadecimal digits and base64 are answered in the same form', async () => {
  const phone = '380501112244';
  const own = await Explorer.open(harness, phone);
  const kinds = ['get', 'set', 'update', 'link', 'email', 'aws', 'migrate', 'phone', 'remove'];
  for (const kind of kinds) {
    const json = JSON.parse(await own.askText(JSON.stringify({ request: kind, phone })));
    assert.ok(
      'record' in json ? json.phone === phone : 'ok' in json || 'error' in json,
      JSON.stringify(json),
    );
    await harness.signIn(own.client, phone); // `remove` ends it.
    for (const form of ['hex', 'base64'] as const) {
      const answer = await own.askText(encode(profile({ phone, status: kind })).toString(form));
      const term = decode(Buffer.from(answer, form));
      assert.ok(term instanceof Tuple && (isAtom(term.elements[0], 'io') || fieldsOf(term)), answer);
      await harness.signIn(own.client, phone);
    }
  }
  await own.leave();
});

test('JSON: services, rosters and settings, and integers past 2^53', async () => {
  const request = {
    request: 'set',
    phone: 380501112233,
    rosters: [{ id: 2, names: 'Оля', userlist: [{ phone_id: '380671112233_7' }] }, 5],
    services: [{ id: 'vox-1', type: 'vox', data: '{"atom":"x"}' }],
    settings: [{ key: 'SIZE', value: { integer: '9007199254740993' } }],
    presence: 'away',
  };
  const answer = JSON.parse(await explorer.askText(JSON.stringify(request)));
  assert.ok(Math.abs(answer.update - Date.now()) < 60_000);
  assert.deepEqual(answer, {
    record: 'Profile',
    phone: '380501112233',
    services: [{ record: 'Service', id: 'vox-1', type: 'vox', data: '{"atom":"x"}' }],
    rosters: [
      {
        record: 'Roster',
        id: 2,
        names: 'Оля',
        userlist: [{ record: 'Contact', phone_id: '380671112233_7', unread: 0, update: 0 }],
        update: 0,
      },
      5,
    ],
    settings: [
      { record: 'Feature', key: 'LANG', value: 'uk' },
      { record: 'Feature', key: 'SIZE', value: { integer: '9007199254740993' } },
    ],
    update: answer.update,
    balance: 0,
    presence: 'away',
    status: 'set',
  });
});

test('a byte order mark, white space, a final dot, comments and /utf8 are accepted', async () => {
  const get = `{'Profile', <<"380501112233"/utf8>>, [], [], [], [], [], [], get}`;
  const variants = [`\uFEFF\n\t ${get}.  \r\n`, `% Olena\n${get} % the end`, get.replaceAll(', ', ',\n  ')];
  const first = await explorer.askText(get);
  fieldsOf(parse(first));
  for (const request of variants) assert.equal(await explorer.askText(request), first);
});

test('MQTT 5 clients receive the content type of the text', async () => {
  const phone = await harness.phone({ number: '380501119999' });
  const types: Record<string, Buffer> = {
    'text/x-erlang': Buffer.from(`#'Profile'{phone = <<"${phone.number}">>, status = get}`),
    'application/json': Buffer.from(JSON.stringify({ request: 'get', phone: phone.number })),
    'application/x-erlang-binary': encode(profile({ phone: phone.number, status: 'get' })),
  };
  for (const [contentType, request] of Object.entries(types)) {
    const correlationData = Buffer.from('c');
    const { properties } = await phone.exchange(request, { properties: { correlationData } });
    assert.deepEqual([properties?.contentType, properties?.correlationData], [contentType, correlationData]);
  }
});

test('each client gets the notice of a remove in its own form, from any worker', async (t) => {
  for (let count = 0; count < 2; count++) await harness.startWorker({ QA_TEXT: 'on' });
  const phone = '380501113344';
  const explorers: Explorer[] = [];
  t.after(() => Promise.all(explorers.map((each) => each.leave())));
  for (let count = 0; count < 4; count++) explorers.push(await Explorer.open(harness, phone));
  const device = await harness.phone({ number: phone });
  await device.ask(profile({ phone, status: 'set' }));
  for (const each of explorers)
    fieldsOf(parse(await each.askText(`#'Profile'{phone = <<"${phone}">>, status = get}`)));
  const removed = profile({ phone, status: 'remove' });
  assert.deepEqual(await device.ask(profile({ phone, status: 'remove' })), removed);
  for (const each of explorers) {
    await eventually('it is notified', () => each.answered().length === 2);
    assert.deepEqual(parse(each.answered()[1]?.text ?? ''), removed);
  }
});
