/** `profilectl import` and `export --all`: an Erlang server's dumps into Redis, and out again. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { after, test } from 'node:test';
import { decodeFragment, encode, print } from '../../../src/etf/index.ts';
import { startDumpStores } from '../../harness/dump-stores.ts';
import { eventually } from '../../harness/eventually.ts';
import { programArguments } from '../../harness/profilectl.ts';
import { contact, feature, fieldsOf, profile, roster } from '../../harness/terms.ts';

const { harness, dump, store, close } = await startDumpStores();
after(close);

/** As `term_to_binary`, `io_lib:format` and `mnesia:dump_to_textfile` write tables. */
const forms = [
  'tables.etf',
  'compressed.etf',
  'lengths.etf',
  'w.txt',
  'p-latin-1.txt',
  'tp-utf-8.txt',
  'one-list.txt',
  'mnesia.txt',
];

test('every form in which Erlang writes a table gives the same in Redis', async () => {
  const first = store('tables:');
  const { exitCode, stderr, counts } = await first.import(
    dump('profile.etf'),
    dump('roster.etf'),
    dump('auth.etf'),
  );
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.deepEqual(
    [
      counts.profiles.imported,
      counts.sessions.imported,
      counts.rosters.read,
      counts.unusedRosters,
      counts.others,
    ],
    [3, 2, 4, 1, 1],
  );
  const expected = await first.snapshot();
  assert.equal(Object.keys(expected).length, 8);
  for (const form of forms) {
    const other = store(`${form}:`);
    assert.equal((await other.import(dump(form))).exitCode, 0, form);
    assert.deepEqual(await other.snapshot(), expected, form);
  }
});

test('records of both Contact layouts stay as they were, rosters come by id, tokens as hashes', async () => {
  const { database } = store('tables:');
  const { connection, keys } = database;
  const at = async (key: string, field: string) =>
    print(decodeFragment((await connection.hgetBuffer(key, field)) ?? Buffer.of(106)));
  assert.equal(
    await at(keys.contacts('380501112233'), '1:380671112233_300'),
    `{'Contact',<<"380671112233_300">>,[],<<"Тарас"/utf8>>,[],<<"taras">>,[5,300],3,` +
      `{'Message',7,chain,{p2p,<<"a">>,<<"b">>},[],[],<<"id">>,[],[],1795902775001,[],[reply],[],[],[],[],[]},` +
      `1795902775002,1795902775003,[{'Feature',<<"c1">>,<<"MUTE">>,<<"on">>,<<"CHAT">>}],[],offline,last_msg}`,
  );
  assert.match(
    await at(keys.contacts('380931112233'), '9:380501112233_1'),
    /<<"vox">>,0,4,\[\],1795902775004,\[\],online,friend\}$/,
  );
  assert.equal(await at(keys.profile('380671112233'), 'presence'), '<<"away">>');
  assert.equal(await at(keys.profile('380501112233'), 'balance'), '50');
  assert.deepEqual(await connection.hgetall(keys.session('emqttd_43')), {
    phone: '380671112233',
    token: createHash('sha256').update('token-43').digest('hex'),
  });
  assert.deepEqual(await connection.smembers(keys.sessions('380671112233')), ['emqttd_43']);
});

test('a worker answers what was imported, to the client of an imported session', async () => {
  const own = store('');
  assert.equal((await own.import(dump('list.etf'))).exitCode, 0);
  const phone = await harness.phone({ client: 'emqttd_42', number: '380501112233', session: false });
  const { rosters, update, balance } = fieldsOf(
    await phone.ask(profile({ phone: '380501112233', status: 'get' })),
  );
  assert.deepEqual([(rosters as unknown[]).length, update, balance], [2, 1_795_902_775_713, 50]);
});

test('what no worker stores is refused with its place and the cause, without numbers, codes and tokens', async () => {
  const own = store('wrong:');
  const report = dump('refused.jsonl');
  const { exitCode, stderr, counts } = await own.import(
    '--report',
    report,
    dump('wrong.etf'),
    dump('wrong.txt'),
  );
  assert.equal(exitCode, 1);
  assert.deepEqual([counts.profiles.refused, counts.sessions.refused, counts.rosters.refused], [6, 5, 1]);
  assert.deepEqual([counts.profiles.imported, counts.profiles.there, counts.missingRosters], [3, 1, 1]);
  assert.match(
    stderr,
    /wrong\.etf, byte 73, phone 380…002: roster 1: contact 1 is no 'Contact' of 15 elements/,
  );
  assert.match(stderr, /wrong\.txt, line 2: line 2, column 17: , or } is expected here/);
  const lines = readFileSync(report, 'utf8').trim().split('\n');
  assert.equal(lines.length, 13);
  for (const line of lines) assert.deepEqual(Object.keys(JSON.parse(line)).slice(0, 2), ['file', 'at']);
  assert.equal((await stat(report)).mode & 0o777, 0o600);
  assert.doesNotMatch(stderr + lines.join(), /38050111|999111|secret/);
  assert.equal(
    (await own.import('--report', report, dump('wrong.txt')).catch(() => undefined)) ?? 'refused',
    'refused',
  );
});

test('a dry run checks all and writes nothing', async () => {
  const own = store('dry:');
  const { exitCode, counts } = await own.import('--dry-run', dump('list.etf'));
  assert.deepEqual([exitCode, counts.profiles.imported], [0, 3]);
  assert.deepEqual(await own.snapshot(), {});
});

test('where the broker lets the user manage no clients, no session is stored, and the message says what to do', async () => {
  const own = store('no-right:');
  const { exitCode, stderr } = await own.call('import', dump('list.etf'));
  assert.equal(exitCode, 1);
  assert.match(stderr, /no session is imported: .*MQTT_USERNAME must be an administrator.*--redis-only/s);
  const kept = Object.keys(await own.snapshot());
  assert.deepEqual(
    [kept.some((key) => key.startsWith('profile:')), kept.some((key) => key.startsWith('session:'))],
    [true, false],
  );
});

test('what is there stays, unless it is to be overwritten', async () => {
  const own = store('overwrite:');
  const { connection, keys } = own.database;
  await own.import(dump('list.etf'));
  const imported = await own.snapshot();
  await connection.hset(keys.profile('380501112233'), { update: '1', version: 'another' });
  await connection.hset(keys.session('emqttd_42'), { token: 'another' });
  await connection.hset(keys.session('emqttd_43'), { phone: '380991112233' });
  const again = await own.import(dump('list.etf'));
  assert.deepEqual([again.counts.profiles.there, again.counts.profiles.kept], [2, 1]);
  assert.deepEqual([again.counts.sessions.kept, again.counts.sessions.refused], [1, 1]);
  await connection.hset(keys.session('emqttd_43'), { phone: '380671112233' });
  const { exitCode, counts } = await own.import('--overwrite', dump('list.etf'));
  assert.deepEqual([exitCode, counts.profiles.replaced, counts.profiles.there], [0, 1, 2]);
  assert.deepEqual([counts.sessions.replaced, counts.sessions.there], [1, 1]);
  assert.deepEqual(await own.snapshot(), imported);
});

test('an import that was killed goes on when it is run again', async () => {
  const own = store('killed:');
  const count = 8_000;
  const messages = Array.from({ length: count }, (_, index) =>
    encode(
      profile({
        phone: String(380_500_000_000 + index),
        rosters: [roster({ id: 1, userlist: [contact({ phoneId: `${380_500_000_001 + index}_1` })] })],
        settings: [feature('LANG', 'uk')],
        update: index,
        status: 'get',
      }),
    ),
  );
  writeFileSync(dump('many.big.etf'), Buffer.concat(messages));
  const env = { PATH: process.env.PATH, ...own.settings };
  const child = spawn('node', [...programArguments, 'import', '--redis-only', dump('many.big.etf')], { env });
  const last = own.database.keys.profile(String(380_500_000_000 + count / 10));
  await eventually('a part is there', async () => (await own.database.connection.exists(last)) === 1);
  child.kill('SIGKILL');
  const { exitCode, counts } = await own.import(dump('many.big.etf'));
  assert.equal(exitCode, 0);
  assert.ok(counts.profiles.there >= count / 10);
  assert.equal(counts.profiles.there + counts.profiles.imported, count);
  assert.equal(Object.keys(await own.snapshot()).length, 2 * count);
});

test('a broken file is read as far as it goes, and the others after it', async () => {
  const own = store('broken:');
  writeFileSync(dump('cut.etf'), readFileSync(dump('list.etf')).subarray(0, 300));
  const { exitCode, stderr, counts } = await own.import(dump('cut.etf'), dump('wrong.txt'));
  assert.equal(exitCode, 1);
  assert.match(stderr, /cut\.etf, byte \d+: the file ends in this term; the rest of the file is not read/);
  assert.doesNotMatch(stderr, /\n\s+at /);
  assert.deepEqual([counts.brokenFiles, counts.profiles.imported], [1, 4]);
  assert.equal((await own.call('import', dump('nowhere.etf'))).exitCode, 1);
});
