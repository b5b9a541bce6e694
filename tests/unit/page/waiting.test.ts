import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../dev/page/shapes.ts';
import { isReady, type Known, readyWorkers, span, waitingFor } from '../../../page/src/readiness/waiting.ts';

const redis = (...causes: string[]): Part => ({ kind: 'redis', name: 'Redis', causes, forSeconds: 3 });
const worker = (name: string, ...causes: string[]): Part => ({ kind: 'worker', name, causes, forSeconds: 5 });
const nobody: Part = { kind: 'no-worker', name: 'a worker', causes: ['none is found'], forSeconds: 1 };
const known = (parts: readonly Part[], { broker = '', server = '' } = {}): Known => {
  const missed = (name: string, cause: string) => ({
    name,
    causes: cause === '' ? [] : [cause],
    forSeconds: 9,
  });
  return { broker: missed('the broker', broker), server: missed('the server', server), parts };
};
const names = (state: Known): string[] => waitingFor(state).map(({ name }) => name);

test('the page is ready when broker, Redis and one worker are', () => {
  const all = known([redis(), worker('1'), worker('2')]);
  assert.ok(isReady(all));
  assert.deepEqual(names(all), []);
  const one = known([redis(), worker('1', 'no answer'), worker('2')]);
  assert.ok(isReady(one));
  assert.deepEqual(names(one), ['1']);
  assert.deepEqual(readyWorkers(one.parts), { ready: 1, all: 2 });
});

test('it is not ready without broker, Redis, any worker, or the server that looks at them', () => {
  const rows: [Known, string[]][] = [
    [known([redis(), worker('1')], { broker: 'connecting' }), ['the broker']],
    [known([redis('no connection'), worker('1')]), ['Redis']],
    [known([redis(), worker('1', 'no answer'), worker('2', 'redis: not connected')]), ['1', '2']],
    [known([redis(), nobody]), ['a worker']],
    // What it said last is not known to be so now.
    [known([redis('no connection'), worker('1')], { server: 'no answer' }), ['the server']],
  ];
  for (const [state, expected] of rows) {
    assert.ok(!isReady(state));
    assert.deepEqual(names(state), expected);
  }
  assert.deepEqual(readyWorkers([nobody]), { ready: 0, all: 0 });
});

test('a span is told in its two largest units', () => {
  assert.deepEqual([0, 59, 60, 125, 3600, 90061].map(span), [
    '0 s',
    '59 s',
    '1 min 0 s',
    '2 min 5 s',
    '1 h 0 min',
    '25 h 1 min',
  ]);
});
