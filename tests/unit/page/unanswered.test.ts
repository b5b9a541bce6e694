import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../dev/page/shapes.ts';
import { givenUpWords, patienceSeconds, waitingWords } from '../../../page/src/conversation/unanswered.ts';

const part = (kind: Part['kind'], name: string, ...causes: string[]): Part => ({
  kind,
  name,
  causes,
  forSeconds: 5,
});
const missing = (parts: readonly Part[]) => parts.filter(({ causes }) => causes.length > 0);
const state = (seconds: number, ...parts: Part[]) => ({ seconds, parts, waiting: missing(parts) });

const redis = part('redis', 'Redis');
const stopped = [redis, part('worker', '1', 'no answer'), part('worker', '2', 'redis: no connection')];
const none = [redis, part('no-worker', 'a worker', 'none is found')];
const served = [part('redis', 'Redis', 'no answer'), part('worker', '1'), part('worker', '2', 'no answer')];

test('a request says what it waits for, and for how long', () => {
  assert.equal(waitingWords(state(0, redis, part('worker', '1'))), 'waiting for the answer');
  assert.equal(waitingWords(state(7, ...served)), 'waiting for the answer for 7 s, and for Redis, 2');
});

test('without a worker it says that none is subscribed, and until when it waits', () => {
  assert.equal(
    waitingWords(state(7, ...stopped)),
    'waiting for the answer for 7 s: no worker is subscribed (1: no answer for 5 s; 2: redis: no connection for 5 s); it is given up after 60 s',
  );
  assert.match(
    waitingWords(state(7, ...none)),
    /no worker is subscribed \(a worker: none is found for 5 s\)/,
  );
});

test('it is given up in the end, with the cause', () => {
  assert.equal(givenUpWords(state(patienceSeconds - 1, ...stopped)), undefined);
  assert.match(givenUpWords(state(patienceSeconds, ...none)) ?? '', /given up: no worker is subscribed/);
  assert.match(
    givenUpWords(state(patienceSeconds, ...served)) ?? '',
    /given up: waited for Redis: no answer for 5 s; 2: no answer for 5 s\. Send it again/,
  );
  assert.match(givenUpWords(state(patienceSeconds, redis)) ?? '', /given up: no cause is known/);
});
