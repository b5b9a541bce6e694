import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probedCommands } from '../../../src/store/redis/probe.ts';
import { calledOnRedis } from '../../harness/redis-commands.ts';

/** Not commands on keys: what ioredis has besides, and what only `profilectl` uses. */
const others = /^(ON|ONCE|OFF|DISCONNECT|NODES|SCAN|EVAL|EVALSHA|INFO|PIPELINE|DUPLICATE)$/;

test('each command of the worker and its scripts is probed for the rights to it, and no other', () => {
  const called = [...calledOnRedis()].map((name) => name.toUpperCase());
  const used = new Set(called.filter((name) => !others.test(name)));
  assert.ok(used.size > 30);
  assert.deepEqual([...used].sort(), Object.keys(probedCommands).sort());
});
