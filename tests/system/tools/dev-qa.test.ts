/** `npm run dev` for a tester with MQTT Explorer alone: all is done by a publish, and comes back as it was. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Explorers, signInExplorers } from '../../../dev/explorers.ts';
import { fixtures } from '../../../dev/fixtures.ts';
import { olena, olenasNew, seedSessions, taras } from '../../../dev/phones.ts';
import { openStation } from '../../../dev/station.ts';
import { startSystem } from '../../../dev/system.ts';
import { troubles } from '../../../dev/trouble-orders.ts';
import { troubleOrders } from '../../../dev/troubles.ts';
import { windowWidth } from '../../../src/qa/formats/wrap.ts';
import { Explorer } from '../../harness/explorer.ts';
import { eventually } from '../../harness/harness.ts';

const stops: (() => Promise<unknown>)[] = [];
after(async () => {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
});

const printed: string[] = [];
const system = await startSystem({
  workerFile: 'src/main.ts',
  logLevel: 'error',
  hasColours: false,
  print: (line) => printed.push(line),
  onStarted: (stop) => stops.push(stop),
});
await seedSessions(system.redis.url);
const { mosquitto, redis, smtp } = system;
const explorers: Explorers = await signInExplorers(
  { brokerUrl: mosquitto.url, redisUrl: redis.url },
  (client, { phone }) => printed.push(`${client} is ${phone}`),
);
stops.push(() => explorers.leave());
let startedAnew = 0;
const startAnew = async (): Promise<void> => {
  startedAnew++;
  await seedSessions(redis.url);
};
const station = await openStation({ system, startAnew, explorers, print: (line) => printed.push(line) });
stops.push(() => station.leave());

const open: Explorer[] = [];
stops.push(() => Promise.all(open.map((each) => each.leave())));

async function explorer(client: string, phone: string): Promise<Explorer> {
  const one = new Explorer(client, phone);
  await one.connect(mosquitto.url, { protocolVersion: 4 }, ['#', '$SYS/#'], 0);
  open.push(one);
  return one;
}

const signedIn = async (line: string, count = 1) =>
  eventually(line, () => printed.filter((each) => each === line).length >= count);

const get = (phone: string) => `#'Profile'{phone = <<"${phone}">>, status = get}`;
const asking = (phone: string, status: string, fields = '') =>
  `#'Profile'{phone = <<"${phone}">>, ${fields}status = ${status}}`;
const emailOf = (address: string, code = '[]') =>
  `services = [#'Service'{id = <<"${address}">>, type = email, data = ${code}}], `;

const hintOfFirst = 'qa/hint/mqtt-explorer-1a2b3c4d';
const first = await explorer('mqtt-explorer-1a2b3c4d', olena.phone);
await signedIn(`mqtt-explorer-1a2b3c4d is ${olena.phone}`);

/** The next text on a topic after `act`. */
async function textAfter(topic: string | RegExp, act: () => Promise<unknown>): Promise<string> {
  const all = () =>
    first.seen.filter((each) => (typeof topic === 'string' ? each.topic === topic : topic.test(each.topic)));
  const before = all().length;
  await act();
  await eventually(`something on ${topic}`, () => all().length > before);
  return all()[before]?.text ?? '';
}
const refused = async () => assert.match(await first.askText(get(olena.phone)), /not_authorized/);
const say = (topic: string, text: string) => first.publish(text, { topic });
/** The state that an order leads to; others, such as that of a trouble that ends, may come between. */
async function order(text: string): Promise<string> {
  const [server = '', what = ''] = text.split(' ');
  const isOfIt = (state: string) =>
    state.startsWith(`${server} ${what}`) || state.startsWith('not understood');
  const before = first.seen.length;
  const found = () =>
    first.seen.slice(before).find((each) => each.topic.startsWith('dev/trouble/') && isOfIt(each.text));
  await say('dev/trouble', text);
  await eventually(`the state after ${text}`, () => found() !== undefined);
  return found()?.text ?? '';
}

const askAtQos1 = (phone: string) => first.mqtt.publishAsync('events/1//api/anon//', get(phone), { qos: 1 });

test('the second MQTT Explorer is Taras; who has a session keeps it', async () => {
  await explorer('mqtt-explorer-00000001', taras.phone);
  await signedIn(`mqtt-explorer-00000001 is ${taras.phone}`);
  assert.match(await first.askText(get(olena.phone)), /not_found/);
});

test('after remove an MQTT Explorer is somebody again when it connects again', async () => {
  await first.askText(asking(olena.phone, 'set'));
  assert.match(await first.askText(asking(olena.phone, 'remove')), /status = remove/);
  assert.match(await textAfter(hintOfFirst, refused), /signed out since/);
  await first.leave();
  await first.connect(mosquitto.url, { protocolVersion: 4 }, ['#', '$SYS/#'], 0);
  await signedIn(`mqtt-explorer-1a2b3c4d is ${olena.phone}`, 2);
  const late = await explorer('hint-reader', olena.phone);
  await eventually('all kept for #, sent first', () => late.seen.some(({ topic }) => /^\$SYS\//.test(topic)));
  assert.deepEqual(late.on(hintOfFirst), []);
  assert.match(await first.askText(get(olena.phone)), /not_found/);
});

test('dev/sign-in lets a client be of any phone', async () => {
  assert.equal(
    await textAfter('dev/sign-in/done', () => say('dev/sign-in', `${first.client} ${taras.phone}`)),
    `${first.client} is signed in as ${taras.phone}`,
  );
  assert.match(await first.askText(get(taras.phone)), /not_found/);
  assert.match(await textAfter(hintOfFirst, refused), /signed in as/);
  assert.match(await textAfter('dev/sign-in/done', () => say('dev/sign-in', 'me')), /not understood/);
  await textAfter('dev/sign-in/done', () => say('dev/sign-in', `${first.client} ${olena.phone}`));
  await eventually('the hint is gone', () => first.on(hintOfFirst).at(-1)?.text === '');
});

test('fixtures: 500 contacts, a verified address, an expired code, a pending migration', async () => {
  const make = (what: string) =>
    textAfter(new RegExp(`^dev/fixture/${what}`), () => say('dev/fixture', what));
  assert.match(await make('contacts'), /has a profile with 500 contacts/);
  assert.equal((await first.askText(get(olena.phone))).match(/#'Contact'/g)?.length, 500);
  const { term } = (await first.json(`qa/rep/${first.client}/get`)) as {
    term: { rosters: { contacts: number }[] };
  };
  assert.equal(term.rosters[0]?.contacts, 500);

  assert.match(await make('verified'), /verified address/);
  assert.match(await first.askText(get(olena.phone)), /fixture@example\.org.*status = verified/s);

  const [code = ''] = /\d{6}/.exec((await make('expired')).split('the code was')[1] ?? '') ?? [];
  const tried = asking(olena.phone, 'email', emailOf('fixture@example.org', `<<"${code}">>`));
  assert.match(await first.askText(tried), /wrong_code/);

  assert.match(await make('migration'), /pending migration/);
  const third = await explorer('mqtt-explorer-00000003', olenasNew.phone);
  await signedIn(`mqtt-explorer-00000003 is ${olenasNew.phone}`);
  assert.match(await third.askText(asking(olenasNew.phone, 'phone')), /status = phone/);
  await eventually('both have it', () => first.answered().some(({ text }) => /= phone\b/.test(text)));
  assert.match(await textAfter('dev/fixture/help', () => say('dev/fixture', 'coffee')), /not understood/);
});

test('the last code for an address stands on dev/mail/<address>', async () => {
  await textAfter('dev/sign-in/done', () => say('dev/sign-in', `${first.client} ${taras.phone}`));
  await first.askText(asking(taras.phone, 'set'));
  const code = await textAfter('dev/mail/taras@example.org', () =>
    first.askText(asking(taras.phone, 'link', emailOf('taras@example.org'))),
  );
  assert.match(code, /^\d{6}$/);
  const late = await explorer('somebody', taras.phone);
  await eventually('it is kept', () => late.on('dev/mail/taras@example.org').length > 0);
  const right = asking(taras.phone, 'email', emailOf('taras@example.org', `<<"${code}">>`));
  assert.match(await first.askText(right), /verified/);
});

test('trouble with mail and STS is ordered, its state is kept, and it ends by itself', async () => {
  assert.match(await order('mail refuse'), /^mail refuse, until \d\d:\d\d:\d\d UTC: .*email_send/);
  await say('dev/fixture', 'verified');
  await eventually('it is not made', () =>
    /email_send/.test(first.on('dev/fixture/verified').at(-1)?.text ?? ''),
  );
  const late = await explorer('somebody-else', taras.phone);
  await eventually('it is kept', () => late.on('dev/trouble/mail').some(({ retain }) => retain));
  assert.equal(await order('mail ok'), 'mail ok');
  assert.match(await order('make coffee'), /mail ok\|slow\|refuse/);
  const state = await order('sts slow 300 for 1');
  assert.match(state, /^sts slow 300 ms, until/);
  await eventually('it has ended', () => first.on('dev/trouble/sts').at(-1)?.text === 'sts ok');
});

test('workers down: qa/status and a hint say so, and the request is answered when they are back', async () => {
  await order('worker down for 20');
  await eventually('qa/status', async () => {
    const { workers, trouble } = await first.json('qa/status');
    return (
      JSON.stringify(workers).includes('"ready":false') && JSON.stringify(trouble).includes('worker down')
    );
  });
  const answers = first.answered().length;
  const hint = (act: () => Promise<unknown>) => textAfter(hintOfFirst, act);
  assert.match(await hint(() => first.publish(get(taras.phone))), /No worker is\s+subscribed.*is\s+lost/s);
  assert.match(await hint(() => askAtQos1(taras.phone)), /No worker is\s+subscribed.*is\s+answered\s+when/s);
  await order('worker ok');
  await eventually('the answer', () => first.answered().length > answers);
  await eventually('the hint is gone', () => first.on(hintOfFirst).at(-1)?.text === '');
  assert.match(String((await first.json('qa/status')).version), /^\d+\.\d+\.\d+/);
});

test('Redis down, and back with its data', async () => {
  const answers = first.answered().length;
  await order('redis down for 60');
  await first.publish(get(taras.phone));
  await eventually('not ready', async () => JSON.stringify(await first.json('qa/status')).includes('redis'));
  await order('redis ok');
  await eventually('the answer', () => first.answered().length > answers);
  assert.match(first.answered().at(-1)?.text ?? '', /status = get/);
});

test('the broker down: clients come back, and so does dev', async () => {
  await say('dev/trouble', 'broker down for 1');
  await eventually('it is back', () => printed.includes('broker ok'));
  await first.leave();
  await first.connect(mosquitto.url, { protocolVersion: 4 }, ['#', '$SYS/#'], 0);
  // An order that comes before dev has subscribed again is lost; the state that the broker retains is no answer.
  const before = first.on('dev/trouble/mail').length;
  await eventually('dev takes orders again', async () => {
    await say('dev/trouble', 'mail ok');
    return first
      .on('dev/trouble/mail')
      .slice(before)
      .some(({ retain }) => !retain);
  });
  await eventually('the workers are back', async () => {
    const answers = await Promise.all(
      system.workers.map(({ httpPort }) => fetch(`http://127.0.0.1:${httpPort}/readyz`)),
    );
    return answers.every(({ ok }) => ok);
  });
  assert.ok(await first.askText(get(taras.phone)));
});

test('slow servers answer late, and answer', async () => {
  for (const server of ['worker', 'redis', 'broker']) {
    assert.match(await order(`${server} slow 100`), /late/);
    assert.match(await first.askText(get(taras.phone)), /status = get/);
    assert.equal(await order(`${server} ok`), `${server} ok`);
  }
});

test('a clock that is fast by an hour, and a rate limit', async () => {
  assert.match(await order('clock off 3600'), /^clock off 3600, until/);
  const set = await first.askText(asking(taras.phone, 'set'));
  const hours = (Number(/update = (\d+)/.exec(set)?.[1]) - Date.now()) / 3_600_000;
  assert.ok(hours > 0.5 && hours < 1.5, `${hours} hours`);
  assert.equal(await order('clock ok'), 'clock ok');
  assert.match(await order('rate limit 1'), /too_many_requests/);
  for (let count = 0; count < 20; count++) await first.publish(get(taras.phone));
  await eventually('too many', () => first.answered().some(({ text }) => text.includes('too_many_requests')));
  assert.equal(await order('rate ok'), 'rate ok');
});

test('dev/reset puts phones, mails and trouble back', async () => {
  await order('mail hang');
  await textAfter(hintOfFirst, () => first.askText(get(olenasNew.phone)));
  const done = await textAfter('dev/reset/done', () => say('dev/reset', ''));
  assert.match(done, /as it was at the start/);
  assert.equal(startedAnew, 1);
  await eventually('the hint is gone', () => first.on(hintOfFirst).at(-1)?.text === '');
  assert.equal(smtp.mails().length, 0);
  assert.equal(first.on('dev/trouble/mail').at(-1)?.text, 'mail ok');
  assert.equal(first.on('dev/mail/taras@example.org').at(-1)?.text, '');
  assert.match(await first.askText(get(olena.phone)), /not_found/);
});

test('dev/help lists all of it, and comes back when it is deleted', async () => {
  const before = first.on('dev/help').length;
  await first.publish('', { topic: 'dev/help', retain: true });
  await eventually('help after the empty message', () => first.on('dev/help').length > before + 1);
  const help = first.on('dev/help').at(-1)?.text ?? '';
  for (const line of help.split('\n')) assert.ok(line.length <= windowWidth, `"${line}" is cut off`);
  const all = /dev\/reset.*dev\/sign-in.*dev\/fixture.*dev\/trouble.*qa\/status.*qa\/hint.*dev\/mail/s;
  assert.match(help, all);
  for (const name of Object.keys(fixtures)) assert.ok(help.includes(`  ${name} `), name);
  for (const [server, orders] of Object.entries(troubles)) {
    const line = `${server} ok|${Object.keys(orders).join('|')}`;
    assert.ok(troubleOrders.includes(line) && help.includes(line), line);
  }
});
