import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisUrl } from '../../../src/lib/redis-url.ts';

const unreadable = [
  ...['redis://:a%b@c', 'redis://:a/b@c', 'redis://:a#b@c', 'redis://a?db=1', 'redis://a/b', 'redis://::1'],
  ...[
    'redis://a/1,redis://b/1',
    'rediss://a,redis://b',
    'redis://:x@a,redis://:y@b',
    'redis://a:65536',
    'redis://a,b',
  ],
  ...['redis+sentinel://:%zz@a/b', 'redis+sentinel://::1/b', 'redis+sentinel://a,/b', 'redis+sentinel://a/'],
];

test('what cannot be read is a problem in words, without its parts', () => {
  for (const url of unreadable) {
    const problem = parseRedisUrl(url);
    assert.ok(typeof problem === 'string' && !problem.includes('zz'), url);
  }
});

test('passwords hold any character, and IPv6 addresses stand in brackets', () => {
  const read = parseRedisUrl('redis+sentinel://user:p:a%40b%25@[::1]:1,h2/main');
  assert.ok(typeof read !== 'string');
  assert.deepEqual([read.username, read.password, read.masterName], ['user', 'p:a@b%', 'main']);
  assert.deepEqual(read.addresses, [
    { host: '::1', port: 1 },
    { host: 'h2', port: 26_379 },
  ]);
});
