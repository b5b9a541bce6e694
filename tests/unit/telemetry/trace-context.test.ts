import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTraceContext } from '../../../src/telemetry/trace-context.ts';

const [trace, span] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

test('a context is read only in the form of W3C Trace Context', () => {
  const good = [
    `00-${trace}-${span}-01`,
    `00-${trace}-${span}-00`,
    `cc-${trace}-${span}-01-what-comes-later`,
  ];
  for (const traceparent of good) assert.deepEqual(readTraceContext({ traceparent }), { traceparent });
  const bad = [
    '',
    `00-${trace}-${span}`,
    `ff-${trace}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-01${'-x'.repeat(64)}`,
    `00-${trace}-${span}-01\n`,
  ];
  for (const traceparent of bad) assert.equal(readTraceContext({ traceparent }), undefined, traceparent);
  assert.equal(readTraceContext({}), undefined);
  assert.equal(readTraceContext(undefined), undefined);
});

test('a tracestate that is too long or came twice is dropped, the rest is kept', () => {
  const traceparent = `00-${trace}-${span}-01`;
  const state = (tracestate: string | string[]) => readTraceContext({ traceparent, tracestate })?.tracestate;
  assert.equal(state('a=1,b=2'), 'a=1,b=2');
  assert.equal(state('a'.repeat(513)), undefined);
  assert.equal(state(['a=1', 'b=2']), undefined);
  assert.equal(state(''), undefined);
});
