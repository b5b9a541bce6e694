/** `profilectl`: the output for a person at a terminal, or a script. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { encode, parse, print } from '../../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { type Called, profilectl, programArguments } from '../../harness/profilectl.ts';
import { contact, feature, fieldsOf, profile, refusal, roster, service } from '../../harness/terms.ts';

let phone: Phone;
const folder = await mkdtemp(join(tmpdir(), 'profilectl-'));
const harness = await startHarness({ settings: { QA_TEXT: 'on' } });
phone = await harness.phone({ number: '380501112233' });
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

test('REDIS_URL may stand in a file, whatever the command uses', async () => {
  const { MQTT_URL, REDIS_URL } = servers();
  const file = join(folder, 'redis-url');
  await writeFile(file, `${REDIS_URL}\n`);
  await harness.signIn('by-file', phone.number);
  const settings = { MQTT_URL, REDIS_URL_FILE: file };
  const asked = await profilectl(settings, 'send', 'get', '--client', 'by-file');
  assert.match(asked.stderr, /^refused: \{io,\{error,not_found\}/);
  const broker = await profilectl(settings, 'broker', 'init', '--file', join(folder, 'security.json'));
  assert.equal(broker.exitCode, 0, broker.stderr);
});

const olena = profile({
  phone: '380501112233',
  rosters: [roster({ names: 'Оля', userlist: [contact({ phoneId: '380671112233_7' })] })],
  settings: [feature('LANG', 'uk')],
  status: 'set',
});

test('send publishes as a client, and prints topic, term and answer', async () => {
  await harness.signIn('sender', phone.number);
  const refused = await call('send', 'get', '--phone', phone.number, '--client', 'sender');
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /refused: \{io,\{error,not_found\},<<>>\}/);
  await phone.ask(olena);
  const text = await done('send', 'get', '--phone', phone.number, '--client', 'sender');
  const [asked, answered, ...answer] = text.split('\n');
  assert.equal(asked, `→ events/1//api/anon//  {'Profile',<<"380501112233">>,[],[],[],0,0,[],get}`);
  assert.match(answered ?? '', /^← actions\/1\/api\/sender {2}% [\d.]+ ms$/);
  assert.deepEqual(
    parse(answer.join('\n')),
    await phone.ask(profile({ phone: phone.number, status: 'get' })),
  );
});

test('send without a phone asks for that of the session, where the request needs none', async () => {
  const text = await done('send', 'get', '--client', 'sender');
  assert.match(text, /\{'Profile',\[\],\[\],\[\],\[\],0,0,\[\],get\}/);
  const named = await phone.ask(profile({ phone: phone.number, status: 'get' }));
  assert.deepEqual(parse(text.split('\n').slice(2).join('\n')), named);
  const { exitCode, stderr } = await call('send', 'remove', '--client', 'sender');
  assert.deepEqual([exitCode, /--phone says whose profile; remove needs it/.test(stderr)], [1, true]);
});

test('send --json is for scripts, also when the request goes out as text', async () => {
  const line = [
    '--phone',
    phone.number,
    '--client',
    'sender',
    '--presence',
    'away',
    '--json',
    '--as',
    'json',
  ];
  const { topic, kind, client, term, request, milliseconds, error } = JSON.parse(
    await done('send', 'update', ...line),
  );
  assert.deepEqual([topic, kind, client, error], ['actions/1/api/sender', 'answer', 'sender', null]);
  assert.deepEqual([request.topic, request.kind], ['events/1//api/anon//', 'request']);
  assert.deepEqual([term.status, term.presence, request.term.status], ['update', 'away', 'update']);
  assert.ok(milliseconds > 0);
});

test('send reports what is missing, and when nobody answers', async () => {
  assert.equal((await call('send', 'dance', '--client', 'sender')).exitCode, 2);
  assert.equal((await call('send', 'get', '--phone', phone.number)).exitCode, 2);
  const endless = await call(
    'send',
    'get',
    '--phone',
    phone.number,
    '--client',
    'sender',
    '--timeout',
    'ever',
  );
  assert.deepEqual([endless.exitCode, /--timeout/.test(endless.stderr)], [2, true]);
  const file = join(folder, 'auth.erl');
  await writeFile(file, "{'Auth',1}.");
  const { exitCode, stderr } = await call(
    'send',
    'file',
    '--client',
    'sender',
    '--file',
    file,
    '--timeout',
    '0.5',
  );
  assert.equal(exitCode, 1);
  assert.match(stderr, /no answer within 0.5 s; `profilectl doctor`/);
});

test('decode and encode convert any form to any other', async () => {
  const request = profile({ phone: phone.number, status: 'get' });
  const message = encode(request);
  const file = join(folder, 'get.etf');
  await writeFile(file, message);
  const text = await done('decode', '--file', file);
  assert.deepEqual(parse(text), request);
  assert.equal(await done('encode', '--to', 'hex', text), `${message.toString('hex')}\n`);
  assert.equal(
    await done('encode', '--to', 'base64', message.toString('hex')),
    `${message.toString('base64')}\n`,
  );
  const json = await done('decode', '--json', message.toString('base64'));
  assert.deepEqual(JSON.parse(json), {
    record: 'Profile',
    phone: phone.number,
    update: 0,
    balance: 0,
    status: 'get',
  });
  const shell = spawn('sh', ['-c', 'node "$@" encode | od -An -tx1', 'sh', ...programArguments]);
  shell.stdin.end(`#'Profile'{phone = <<"${phone.number}">>, status = get}.`);
  let bytes = '';
  for await (const part of shell.stdout.setEncoding('utf8')) bytes += part;
  assert.deepEqual(Buffer.from(bytes.replaceAll(/\s/g, ''), 'hex'), message);
  const broken = await call('decode', '{oops');
  assert.equal(broken.exitCode, 1);
  assert.equal(broken.stderr, 'line 1, column 6: , or } is expected here\n');
});

test('a profile that is exported and imported is the same, under another number too', async () => {
  const file = join(folder, 'olena.json');
  const shown = parse(await done('profile', 'show', '--phone', phone.number));
  assert.deepEqual(shown, await phone.ask(profile({ phone: phone.number, status: 'get' })));
  await done('profile', 'export', '--phone', phone.number, '--file', file);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(JSON.parse(await readFile(file, 'utf8')).settings[0].key, 'LANG');
  assert.match((await call('profile', 'export', '--phone', phone.number, '--file', file)).stderr, /exists/);

  const other = await harness.phone();
  await done('profile', 'import', '--phone', other.number, '--file', file);
  const { phone: _, ...stored } = fieldsOf(await other.ask(profile({ phone: other.number, status: 'get' })));
  const { phone: __, ...original } = fieldsOf(shown);
  assert.deepEqual(stored, original);
  const again = await call('profile', 'import', '--phone', other.number, '--file', file);
  assert.match(again.stderr, /has a profile already; --replace/);
  await done('profile', 'import', '--phone', other.number, '--file', file, '--replace');
  assert.match((await call('profile', 'show', '--phone', '380000000000')).stderr, /has no profile/);
});

test('watch prints all messages, decoded', async (t) => {
  const watching = spawn('node', [...programArguments, 'watch', '--count', '4'], {
    env: { PATH: process.env.PATH, ...servers() },
  });
  t.after(() => watching.kill());
  let [shown, notes] = ['', ''];
  watching.stdout.setEncoding('utf8').on('data', (part: string) => (shown += part));
  watching.stderr.setEncoding('utf8').on('data', (part: string) => (notes += part));
  await eventually('it watches', () => notes.includes('watching'));
  await phone.ask(profile({ phone: '380000000000', status: 'get' }));
  const services = [service({ id: 'olena@example.org', type: parse('email'), data: '042137' })];
  await phone.ask(profile({ phone: '380000000000', services, status: 'email' }));
  await eventually('it has ended', () => watching.exitCode !== null);
  assert.match(shown, /"o…@example\.org"\/utf8>>,email,<<"\[redacted\]">>/);
  shown = shown.split('\n').slice(0, 2).join('\n');
  assert.deepEqual(
    shown.trim().split('\n').sort(),
    [
      `← actions/1/api/${phone.client} ${print(refusal('not_authorized'))}`,
      `→ events/1//api/anon/${phone.client}/ {'Profile',<<"380000000000">>,[],[],[],0,0,[],get}`,
    ].sort(),
  );
});

test('send --watch keeps printing messages, until it is interrupted', async (t) => {
  const line = ['send', 'get', '--phone', phone.number, '--client', 'sender', '--watch'];
  const sending = spawn('node', [...programArguments, ...line], {
    env: { PATH: process.env.PATH, ...servers() },
  });
  t.after(() => sending.kill());
  let shown = '';
  for (const stream of [sending.stdout, sending.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      shown += part;
    });
  await eventually('it watches', () => shown.includes('watching'));
  assert.match(shown, /^← actions\/1\/api\/sender {2}%/m);
  await phone.ask(profile({ phone: phone.number, status: 'get' }));
  await eventually('it shows', () => shown.includes(`← actions/1/api/${phone.client} {'Profile'`));
  sending.kill('SIGINT');
  await eventually('it has ended', () => sending.exitCode !== null);
  assert.equal(sending.exitCode, 0);
});

test('completion offers commands, options and choices', async () => {
  const script = join(folder, 'completion.bash');
  await writeFile(script, await done('completion', 'bash'));
  const complete = (...words: string[]): Promise<string[]> =>
    new Promise((resolve) => {
      const list = words.map((word) => `'${word}'`).join(' ');
      const shell = spawn('bash', [
        '-c',
        `source ${script}; COMP_WORDS=(profilectl ${list}); COMP_CWORD=${words.length}; _profilectl; echo "\${COMPREPLY[@]}"`,
      ]);
      let output = '';
      shell.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
      shell.once('close', () => resolve(output.trim().split(' ')));
    });
  assert.deepEqual(await complete('de'), ['decode']);
  assert.deepEqual(await complete('profile', ''), ['show', 'export', 'import', '--help']);
  assert.deepEqual(await complete('profile', 'import', '--re'), ['--replace']);
  assert.deepEqual(await complete('send', 'm'), ['migrate']);
  assert.deepEqual(await complete('decode', '--to', ''), ['erlang', 'json', 'hex', 'base64', 'etf']);
  assert.deepEqual(await complete('send', 'get', '--as', 'h'), ['hex']);
  assert.deepEqual(await complete('import', '--auth-layout', ''), ['header', 'document']);
  assert.deepEqual(await complete('decode', '--file', ''), ['']);
  assert.match(await done('completion', 'zsh'), /bashcompinit/);
  const fish = await done('completion', 'fish');
  assert.match(fish, /-a send$/m);
  assert.match(fish, /seen_subcommand_from decode' -l to -x -a 'erlang json hex base64 etf'$/m);
});

test('every command explains itself, with examples', async () => {
  for (const command of [
    'send',
    'watch',
    'test',
    'record',
    'decode',
    'encode',
    'profile',
    'session',
    'broker',
    'doctor',
    'completion',
  ]) {
    const help = await done(command, '--help');
    assert.match(help, /Examples?:\n {2}\$ (source <\()?(profilectl|docker)/, command);
  }
});
