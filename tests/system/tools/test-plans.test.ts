/** `profilectl test` and `profilectl record`: plans of requests, on real servers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { devices } from '../../../dev/phones.ts';
import { mailSettings, stsSettings } from '../../../dev/servers/services.ts';
import { startSmtp } from '../../../dev/servers/smtp.ts';
import { startSts } from '../../../dev/servers/sts.ts';
import { requestKinds } from '../../../src/handlers/index.ts';
import { eventually, type Harness, startHarness } from '../../harness/harness.ts';
import { profilectl, programArguments } from '../../harness/profilectl.ts';
import { credentialsKey } from '../../harness/services-fixture.ts';

const folder = await mkdtemp(join(tmpdir(), 'test-plans-'));
const examples = fileURLToPath(new URL('../../../examples/plans/', import.meta.url));
const [smtp, sts] = await Promise.all([startSmtp({ page: true }), startSts()]);
const settings = {
  QA_TEXT: 'on',
  CREDENTIALS_KEY: credentialsKey,
  ...mailSettings(smtp),
  ...stsSettings(sts),
};
const harness = await startHarness({ settings });
const mails = smtp.pageUrl ?? '';
// Before the first test: while nothing is left to run, a file is over.
const files = (await readdir(examples)).toSorted();

after(async () => {
  await Promise.all([smtp.stop(), sts.stop()]);
  await harness.stop();
  await rm(folder, { recursive: true });
});

/** Sessions as `npm run dev` gives them, and no profiles. */
async function startAnew({ database }: Harness): Promise<void> {
  await database.flushdb();
  for (const { client, phone } of devices) {
    await database.hset(`session:${client}`, { phone });
    await database.sadd(`sessions:{${phone}}`, client);
  }
}

beforeEach(() => startAnew(harness));

const servers = { MQTT_URL: harness.broker.url };
const run = (...line: string[]) => profilectl(servers, 'test', ...line);

async function plan(text: string): Promise<string> {
  const file = join(folder, `${++plans}.yaml`);
  await writeFile(file, text);
  return file;
}
let plans = 0;

test('there is an example for each request', async () => {
  for (const kind of requestKinds)
    assert.ok(files.includes(`${kind}.yaml`), `no examples/plans/${kind}.yaml`);
  assert.equal(files.length, requestKinds.length);
  for (const file of files) {
    const { steps } = parse(await readFile(join(examples, file), 'utf8'));
    assert.ok(JSON.stringify(steps).includes(file.replace('.yaml', '')), file);
  }
});

for (const file of files)
  test(`examples/plans/${file} passes`, async () => {
    const { exitCode, stdout, stderr } = await run('--mails', mails, join(examples, file));
    assert.equal(exitCode, 0, stdout + stderr);
    assert.doesNotMatch(stdout, /^ {2}(failed|skipped)/m);
  });

test('a step that fails says what was expected and received, without secrets; the reports say the same', async () => {
  const file = await plan(`
steps:
  - name: set
    as: emqttd_42
    request: { request: set, phone: "380501112233", settings: [{ key: token, value: s3cret }] }
    expect: { status: set, settings: [{ key: other }] }
  - as: emqttd_42
    request: { request: get }
    expect: _
`);
  const junit = join(folder, 'report.xml');
  const { exitCode, stdout } = await run('--json', '--junit', junit, file);
  assert.equal(exitCode, 1);
  const { passed, plans: results } = JSON.parse(stdout);
  assert.equal(passed, false);
  const [first, second] = results[0].steps;
  assert.deepEqual([first.name, first.outcome, second.outcome], ['set', 'failed', 'skipped']);
  assert.match(first.fault, /expected \{"status":"set".*\nreceived \{'Profile'.*\[redacted\]/);
  const xml = await readFile(junit, 'utf8');
  assert.match(xml, /tests="2" failures="1" skipped="1"/);
  assert.match(xml, /<failure message="the answer is not as expected">/);
  assert.doesNotMatch(stdout + xml, /s3cret/);
  const all = await run('--keep-going', file);
  assert.match(all.stdout, /failed +set[\s\S]*passed +step 2/);
});

test('variables, a request as raw text, what is allowed, a time limit and silence', async () => {
  const file = await plan(`
variables: { phone: "1", key: LANG }
clients: { olena: { client: emqttd_42, phone: "\${phone}" } }
steps:
  - as: olena
    request: { request: set, phone: "\${phone}", settings: [{ key: "\${key}", value: uk }] }
    form: json
    expect: { settings: [{ value: "\${Language}" }] }
    quiet: 50
  - as: olena
    request: "{'Profile',[],[],[],[#'Feature'{key = <<\\"OTHER\\">>, value = Language}],[],[],[],set}"
    expect: { settings: [{ key: LANG }, { key: OTHER, value: uk }] }
  - as: olena
    request: "{oops"
    form: raw
    expect: "{io,{error,invalid_data},Why}"
  - as: olena
    request: { request: get }
    expect: _
    within: 0.001
`);
  const { exitCode, stdout } = await run('--set', 'phone=380501112233', file);
  assert.equal(exitCode, 1);
  assert.match(stdout, /passed +step 1[\s\S]*passed +step 2[\s\S]*passed +step 3[\s\S]*failed +step 4/);
  assert.match(stdout, /the answer came after [\d.]+ ms; within 0.001 ms was expected/);
});

test('a plan that cannot be read is said with line and column, and exit code 2; nothing is sent', async () => {
  for (const [text, message] of [
    ['steps: [', /line 1, column \d+:/],
    ['steps:\n  - as: x\n    request: get\n    expects: y\n', /line 2, column 5: steps\.0: .*expects/],
    ['steps: []\n', /has no step/],
    ['name: x\n', /steps: /],
  ] as const) {
    const file = await plan(text);
    const { exitCode, stderr } = await run(file);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, message);
    assert.ok(stderr.startsWith(file), stderr);
  }
  const unknown = await run('--set', 'x', 'no-such-plan.yaml');
  assert.equal(unknown.exitCode, 2);
  assert.equal((await run('no-such-plan.yaml')).exitCode, 2);
  const nothing = await run(await plan(`steps:\n  - as: x\n    request: "\${who}"\n`));
  assert.match(nothing.stdout, /nothing is known of the variable who/);
});

test('the same plan against two brokers: what differs is named, times and what is left open are not', async () => {
  const other = await startHarness();
  try {
    await startAnew(other);
    const file = await plan(`
clients: { olena: { client: emqttd_42 } }
steps:
  - as: olena
    request: { request: set, phone: "380501112233", presence: online }
    expect: { status: set }
  - name: what is stored
    as: olena
    request: "#'Profile'{status = get}"
    expect: "#'Profile'{phone = <<\\"380501112233\\">>, status = get}"
`);
    const same = await run('--against', other.broker.url, file);
    assert.equal(same.exitCode, 0, same.stdout + same.stderr);
    const olena = await other.phone({ client: 'emqttd_42', number: '380501112233' });
    await other.database.del('session:emqttd_42');
    await olena.mqtt.endAsync(true);
    await other.signIn('emqttd_42', '380501112234');
    const refused = await run('--against', other.broker.url, '--json', file);
    assert.equal(refused.exitCode, 1);

    const [left, right] = [await plan('x'), await plan('x')];
    const one = `
steps:
  - name: not asked before
    as: emqttd_42
    request: "#'Profile'{status = get}"
    expect: "_"
`;
    await Promise.all([writeFile(left, one), writeFile(right, one)]);
    const differing = await run('--against', other.broker.url, left);
    assert.equal(differing.exitCode, 0, differing.stdout);
    await writeFile(left, one.replace('"_"', '{}'));
    const named = await run('--against', other.broker.url, left);
    assert.equal(named.exitCode, 1, named.stdout);
    assert.match(
      named.stdout,
      /the brokers differ[\s\S]*the answer differs at .*\n +first: .*\n +second: .*not_found/,
    );
  } finally {
    await other.stop();
  }
});

test('what passes is recorded as a plan, which then passes', async (t) => {
  const recording = spawn('node', [...programArguments, 'record'], {
    env: { PATH: process.env.PATH, ...servers },
  });
  t.after(() => recording.kill('SIGKILL'));
  let [recorded, notes] = ['', ''];
  recording.stdout.setEncoding('utf8').on('data', (part: string) => (recorded += part));
  recording.stderr.setEncoding('utf8').on('data', (part: string) => (notes += part));
  await eventually('it records', () => notes.includes('recording'));
  for (const file of ['update', 'email', 'aws', 'set'])
    assert.equal((await run('--mails', mails, join(examples, `${file}.yaml`))).exitCode, 0);
  recording.kill('SIGINT');
  await eventually('it has ended', () => recording.exitCode !== null);
  assert.equal(recording.exitCode, 0, notes);
  const { clients, steps } = parse(recorded);
  assert.deepEqual(clients.emqttd_42, { phone: '380501112233' });
  assert.equal(steps.length, 14);
  assert.deepEqual(steps[2].notices[0].to, 'emqttd_43');
  assert.equal(steps[2].notices[0].expect.update, `\${now}`);
  assert.deepEqual(steps[4].mail, { to: 'olena.work@example.org', code: 'Code' });
  const [mail] = smtp.mails().slice(-1);
  const code = /\b\d{6}\b/.exec(mail?.text ?? '')?.[0] ?? 'none';
  assert.ok(!recorded.includes(code), 'the code is not kept');
  for (const { issued } of sts.requests())
    assert.ok(!recorded.includes(issued?.keys.secretAccessKey ?? 'none'), 'no credentials are kept');

  await startAnew(harness);
  const { exitCode, stdout } = await run('--mails', mails, await plan(recorded));
  assert.equal(exitCode, 0, stdout);
});
