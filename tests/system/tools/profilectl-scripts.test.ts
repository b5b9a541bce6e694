/** `profilectl` for scripts and for those who mistype: objects, long profiles, messages, and settings that are not needed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, startHarness } from '../../harness/harness.ts';
import { type Called, profilectl, programArguments } from '../../harness/profilectl.ts';
import { contact, profile, roster } from '../../harness/terms.ts';

const folder = await mkdtemp(join(tmpdir(), 'profilectl-scripts-'));
const harness = await startHarness();
const phone = await harness.phone({ number: '380501112233' });
await phone.ask(profile({ phone: phone.number, status: 'set' }));
await harness.signIn('sender', phone.number);
after(async () => {
  await harness.stop();
  await rm(folder, { recursive: true });
});

const servers = () => ({ MQTT_URL: harness.broker.url, REDIS_URL: harness.redis.url });
const call = (...line: string[]): Promise<Called> => profilectl(servers(), ...line);

async function done(...line: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await call(...line);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

test('send --json prints one object whatever becomes of the request, and it is that of watch --json', async (t) => {
  const watching = spawn('node', [...programArguments, 'watch', '--json', '--count', '2'], {
    env: { PATH: process.env.PATH, ...servers() },
  });
  t.after(() => watching.kill());
  let [watched, notes] = ['', ''];
  watching.stdout.setEncoding('utf8').on('data', (part: string) => (watched += part));
  watching.stderr.setEncoding('utf8').on('data', (part: string) => (notes += part));
  await eventually('it watches', () => notes.includes('watching'));
  const refused = await call('send', 'get', '--phone', '380000000000', '--client', 'sender', '--json');
  await eventually('it has ended', () => watching.exitCode !== null);
  const { request, milliseconds, error, ...answer } = JSON.parse(refused.stdout);
  const messages = watched
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  assert.deepEqual(
    messages.find(({ kind }) => kind === 'answer'),
    answer,
  );
  assert.deepEqual(messages.find(({ kind }) => kind === 'request')?.term, request.term);
  assert.deepEqual(Object.keys(messages[0]), ['kind', 'topic', 'client', 'bytes', 'text', 'term']);
  assert.equal(error, 'refused: {io,{error,not_authorized},<<>>}');
  assert.equal(refused.exitCode, 1);
  assert.ok(milliseconds > 0);

  const file = join(folder, 'foreign.erl');
  await writeFile(file, "{'Auth',1}.");
  const cases = [
    [{}, ['file', '--file', file, '--timeout', '0.3'], /no answer within/],
    [{}, ['remove'], /--phone says whose profile/],
    [{}, ['file', '--file', join(folder, 'none')], /cannot be read/],
    [{ MQTT_URL: 'mqtt://127.0.0.1:1' }, ['get'], /cannot be reached/],
  ] as const;
  for (const [other, line, reason] of cases) {
    const { exitCode, stdout } = await profilectl(
      { ...servers(), ...other },
      ...['send', ...line, '--client', 'sender', '--json'],
    );
    const object = JSON.parse(stdout);
    assert.deepEqual([exitCode, object.term, object.text, object.milliseconds], [1, null, null, null]);
    assert.match(object.error, reason);
    assert.deepEqual(Object.keys(object).slice(0, 6), Object.keys(messages[0]));
  }
});

test('a profile with thousands of contacts is shown in part, and whole with --full', async () => {
  const client = 'popular';
  const number = '380630000000';
  await harness.signIn(client, number);
  const userlist = Array.from({ length: 2_000 }, (_, index) =>
    contact({ phoneId: `3806${7_000_000 + index}_1` }),
  );
  const popular = await harness.phone({ number });
  await popular.ask(profile({ phone: number, rosters: [roster({ userlist })], status: 'set' }));
  const short = await done('send', 'get', '--client', client);
  assert.ok(short.split('\n').length < 400, `${short.split('\n').length} lines`);
  assert.match(short, /'… 1,990 more; --full shows them'/);
  const whole = await done('send', 'get', '--client', client, '--full');
  assert.equal(whole.match(/'Contact'/g)?.length, 2_000);
  // What goes to a file is whole.
  assert.equal((await done('profile', 'show', '--phone', number)).match(/'Contact'/g)?.length, 2_000);
  const { term } = JSON.parse(await done('send', 'get', '--client', client, '--json'));
  assert.equal(term.rosters[0].userlist.length, 2_000);
});

test('messages name the odd character, the missing request, and JSON as JSON', async () => {
  for (const [text, reason] of [
    ["{'Profile',<<“380501112233”>>}", /line 1, column 14: “ \(U\+201C\), a quote of a word processor/],
    ['{ok,\u200b1}', /line 1, column 5: U\+200B has no meaning outside quotes/],
    ['{"phone":"380501112233"}', /"request" is missing/],
    ['{“request”:“get”}', /line 1, column 2: .*key expected.*U\+201C/],
    ['{"request":“get”}', /line 1, column 12: .*value expected.*U\+201C/],
    ['{request:"get"}', /line 1, column 2: Quoted object key expected/],
    ["{'request':'get'}", /line 1, column 2: Quoted object key expected/],
  ] as const) {
    const { exitCode, stderr } = await call('encode', text);
    assert.equal(exitCode, 1, text);
    assert.match(stderr, reason);
  }
  // Erlang text that begins alike stays what it is.
  assert.match(await done('decode', "{'Auth',1}"), /Auth/);
  assert.match(await done('decode', '[{"text",1}]'), /"text"/);
});

test('commands that need only Redis work without MQTT_URL', async () => {
  const { REDIS_URL } = servers();
  const only = (...line: string[]) => profilectl({ REDIS_URL }, ...line);
  const file = join(folder, 'all.etf');
  for (const line of [
    ['export', '--all', '--file', file],
    ['import', '--redis-only', file],
    ['import', '--redis-only', '--dry-run', file],
    ['profile', 'show', '--phone', phone.number],
    ['session', 'list', '--redis-only'],
    ['session', 'add', '--redis-only', '--client', 'only-redis', '--phone', '380501119999'],
    ['session', 'remove', '--redis-only', '--client', 'only-redis'],
    ['poisoned', 'list'],
  ]) {
    const { exitCode, stderr } = await only(...line);
    assert.equal(exitCode, 0, `${line.join(' ')}: ${stderr}`);
  }
  const list = await only('session', 'list');
  assert.deepEqual([list.exitCode, /MQTT_URL is not set/.test(list.stderr)], [78, true]);
});

test('session list at a broker without the plugin names --redis-only', async () => {
  const { exitCode, stderr } = await call('session', 'list');
  assert.equal(exitCode, 1);
  assert.match(stderr, /with --redis-only the brokers are left alone/);
  assert.match(await done('session', 'list', '--help'), /--redis-only/);
});
