/** `profilectl session`: which clients may act for a phone, in Redis and at the broker at once. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import { startRedis } from '../../../dev/servers/redis.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { type Called, profilectl } from '../../harness/profilectl.ts';

const phone = '380501112233';

const [broker, redisServer] = await Promise.all([startProductionBroker(), startRedis()]);
const redis = new Redis(redisServer.url);
after(async () => {
  redis.disconnect();
  await Promise.all([broker.server.stop(), redisServer.stop()]);
});

const session = (...line: string[]): Promise<Called> => as('admin', ...line);
const as = (user: string, ...line: string[]): Promise<Called> =>
  profilectl({ ...broker.settings(user), REDIS_URL: redisServer.url }, 'session', ...line);

/** A printed token, and nothing else on standard output. */
async function added(client: string, number = phone): Promise<string> {
  const { exitCode, stdout, stderr } = await session('add', '--client', client, '--phone', number);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /^[\w-]{43}\n$/);
  return stdout.trim();
}

/** Whether the broker admits a client. */
async function letsIn(clientId: string, password: string, username = clientId): Promise<boolean> {
  const ca = broker.certificate.cert;
  const connecting = connectAsync(
    broker.server.url,
    { clientId, username, password, ca, reconnectPeriod: 0 },
    false,
  );
  return connecting.then(
    async (client) => {
      await client.endAsync(true);
      return true;
    },
    () => false,
  );
}

/** Connect a client; `event` is done when the broker has cut it off. */
async function closing(clientId: string, password: string, username = clientId) {
  const ca = broker.certificate.cert;
  const login = { clientId, username, password, ca, reconnectPeriod: 0 };
  const client = await connectAsync(broker.server.url, login);
  return { event: new Promise<void>((resolve) => client.once('close', () => resolve())) };
}

test('a session that is added is in Redis, with the hash of its token, and its client may log in', async () => {
  const token = await added('phone-a');
  assert.deepEqual(await redis.hgetall('session:phone-a'), {
    phone,
    token: createHash('sha256').update(token).digest('hex'),
  });
  assert.ok(await redis.sismember(`sessions:{${phone}}`, 'phone-a'));
  assert.equal(await letsIn('phone-a', token), true);
  assert.equal(await letsIn('phone-a', `${token}x`), false);
  assert.equal(await letsIn('phone-z', token, 'phone-a'), false, 'the token is bound to the client id');
});

test('a phone logs in with its number; each of its sessions has its own token', async () => {
  const [one, other] = [await added('login-1'), await added('login-2')];
  for (const name of [phone, `+${phone}`]) {
    assert.equal(await letsIn('login-1', one, name), true);
    assert.equal(await letsIn('login-2', other, name), true);
  }
  assert.equal(await letsIn('login-1', other, phone), false, 'the token of another session');
  assert.equal(await letsIn('login-3', one, phone), false, 'a client id without a session');
  assert.equal(await letsIn('login-1', 'the password of worker', phone), false);
  for (const name of ['1234', '1234567890123456', `${phone}x`, '', '+'])
    assert.equal(await letsIn('login-1', one, name), false, `${name} is no phone and no user`);
});

test('a client with a session gets no second one', async () => {
  const token = await added('phone-b');
  const again = await session('add', '--client', 'phone-b', '--phone', '380999999999');
  assert.equal(again.exitCode, 1);
  assert.match(again.stderr, /has a session already/);
  assert.equal(await letsIn('phone-b', token), true);
});

test('a rotated session accepts its new token only, and its client is disconnected', async () => {
  const old = await added('phone-c');
  const closed = await closing('phone-c', old);
  const { stdout } = await session('rotate', '--client', 'phone-c', '--json');
  await closed.event;
  const { token, ...rest } = JSON.parse(stdout);
  assert.deepEqual(rest, { client: 'phone-c', phone });
  assert.equal(await letsIn('phone-c', old), false);
  assert.equal(await letsIn('phone-c', token), true);
  assert.equal(
    await redis.hget('session:phone-c', 'token'),
    createHash('sha256').update(token).digest('hex'),
  );
});

test('a removed session is gone everywhere, and its client is disconnected', async () => {
  const password = await added('phone-d');
  const closed = await closing('phone-d', password);
  assert.equal((await session('remove', '--client', 'phone-d')).exitCode, 0);
  await closed.event;
  assert.equal(await letsIn('phone-d', password), false);
  assert.equal(await redis.exists('session:phone-d'), 0);
  assert.equal(await redis.sismember(`sessions:{${phone}}`, 'phone-d'), 0);
  assert.match((await session('remove', '--client', 'phone-d')).stderr, /has no session/);
});

test('all sessions of a phone are removed at once, and their clients are disconnected; others stay', async () => {
  const number = '380931112233';
  const tokens = [await added('everywhere-1', number), await added('everywhere-2', number)];
  const other = await added('everywhere-3');
  const closed = await Promise.all(
    tokens.map((token, index) => closing(`everywhere-${index + 1}`, token, number)),
  );
  const removed = await session('remove', '--phone', number);
  assert.deepEqual(
    [removed.exitCode, removed.stderr],
    [0, 'the session of everywhere-1 has ended\nthe session of everywhere-2 has ended\n'],
  );
  await Promise.all(closed.map(({ event }) => event));
  for (const [index, token] of tokens.entries())
    assert.equal(await letsIn(`everywhere-${index + 1}`, token, number), false);
  assert.equal(await redis.exists('session:everywhere-1', 'session:everywhere-2', `sessions:{${number}}`), 0);
  assert.equal(await letsIn('everywhere-3', other, phone), true);

  // What only the broker still has goes too, and a phone without sessions is logged out everywhere already.
  const token = await added('everywhere-1', number);
  await redis.del('session:everywhere-1', `sessions:{${number}}`);
  const again = await session('remove', '--phone', number);
  assert.deepEqual([again.exitCode, again.stderr], [0, `${number} has no session\n`]);
  assert.equal(await letsIn('everywhere-1', token, number), false);
});

test('remove ends the session of a client, or those of a phone: it wants one of the two', async () => {
  assert.equal((await session('remove')).exitCode, 2);
  assert.equal((await session('remove', '--client', 'x', '--phone', phone)).exitCode, 2);
  assert.equal((await session('remove', '--phone', '12ab')).exitCode, 1);
});

test('without a broker the sessions of a phone end in Redis alone', async () => {
  const number = '380991112233';
  for (const client of ['redis-1', 'redis-2']) {
    await redis.hset(`session:${client}`, { phone: number });
    await redis.sadd(`sessions:{${number}}`, client);
  }
  const { exitCode } = await profilectl(
    { REDIS_URL: redisServer.url },
    'session',
    'remove',
    '--phone',
    number,
    '--redis-only',
  );
  assert.equal(exitCode, 0);
  assert.equal(await redis.exists('session:redis-1', 'session:redis-2', `sessions:{${number}}`), 0);
});

test('the list shows for each session whether it has a token and whether the broker admits it', async () => {
  const number = '380671112233';
  await added('phone-e', number);
  await redis.hset('session:phone-f', { phone: number });
  await redis.sadd(`sessions:{${number}}`, 'phone-f');
  const { stdout } = await session('list', '--phone', number, '--json');
  assert.deepEqual(JSON.parse(stdout), [
    { client: 'phone-e', phone: number, hasToken: true, broker: true },
    { client: 'phone-f', phone: number, hasToken: false, broker: false },
  ]);
  const all = await session('list');
  assert.match(all.stdout, /^CLIENT +PHONE +TOKEN +BROKER\n/);
  assert.match(all.stdout, /^phone-f +380671112233 +no +no$/m);
  const { stdout: ofRedis } = await session('list', '--phone', number, '--redis-only');
  assert.match(ofRedis, /^phone-e +380671112233 +yes +-$/m);
});

test('when the broker refuses, no session is left in Redis', async () => {
  const { exitCode, stdout, stderr } = await as('worker', 'add', '--client', 'phone-g', '--phone', phone);
  assert.deepEqual([exitCode, stdout], [1, '']);
  assert.match(stderr, /lets this user name manage no clients/);
  assert.equal(await redis.exists('session:phone-g'), 0);
});

test('workers and administrators are not sessions: their clients are left alone', async () => {
  for (const line of [
    ['remove', '--client', 'worker'],
    ['add', '--client', 'admin', '--phone', phone],
  ]) {
    const { exitCode, stderr } = await session(...line);
    assert.equal(exitCode, 1);
    assert.match(stderr, /is no session/);
  }
  assert.equal(await redis.exists('session:admin'), 0);
  assert.equal((await session('list')).exitCode, 0, 'the administrator still may');
});

test('an invalid client id or phone is refused before anything is written', async () => {
  for (const client of ['a/b', 'a+', '#', '', 'a b']) {
    assert.equal((await session('add', '--client', client, '--phone', phone)).exitCode, 1, client);
  }
  assert.equal((await session('add', '--client', 'phone-h', '--phone', '12ab')).exitCode, 1);
  assert.equal((await session('add', '--client', 'phone-h')).exitCode, 2);
  assert.equal(await redis.exists('session:phone-h'), 0);
});
