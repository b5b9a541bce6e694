import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortenPhone } from '../../../src/lib/shorten-phone.ts';
import { openLog } from '../../../src/telemetry/log.ts';

/** The output of a log line. */
function printed(fields: object): Record<string, unknown> {
  const lines: string[] = [];
  openLog('debug', { write: (line: string) => void lines.push(line) }).info(fields, 'message');
  return JSON.parse(lines.join(''));
}

test('a phone keeps its first three digits and its last three', () => {
  assert.equal(shortenPhone('380501112233'), '380…233');
  assert.equal(shortenPhone('1234567'), '123…567');
  for (const short of ['', '12345', '123456']) assert.equal(shortenPhone(short), '…');
});

test('a field named like a secret never reaches a line', () => {
  for (const name of [
    'code',
    'credentials',
    'email',
    'password',
    'payload',
    'token',
    'secretAccessKey',
    'sessionToken',
  ]) {
    assert.equal(printed({ [name]: 'hunter2' })[name], '[redacted]');
    assert.deepEqual(printed({ of: { [name]: 'hunter2' } }).of, { [name]: '[redacted]' });
  }
});

test('an error is logged with its name, message and position, its cause with the name, its properties not at all', () => {
  const cause = new TypeError('with a secret');
  const error = Object.assign(new Error('a message', { cause }), { command: 'a secret' });
  const { err } = printed({ err: error });
  const { stack, ...rest } = err as Record<string, unknown>;
  assert.deepEqual(rest, { type: 'Error', message: 'a message', cause: 'TypeError' });
  assert.match(`${stack}`, /log\.test\.ts/);
  assert.ok(!JSON.stringify(err).includes('secret'));
});
