import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atom, decode, tuple } from '../../../src/etf/index.ts';
import { ioError, ioOk, refusals, successes } from '../../../src/protocol/io.ts';
import { refusal, service, text } from '../../harness/terms.ts';
import { fragment } from './bytes.ts';

for (const code of refusals) {
  test(`{io,{error,${code}},<<>>}`, () => {
    assert.deepEqual(decode(ioError(code)), refusal(code));
  });
}

for (const code of successes) {
  test(`{io,{ok,${code}},<<>>}, and with a record`, () => {
    const ok = tuple(atom('ok'), atom(code));
    assert.deepEqual(decode(ioOk(code)), tuple(atom('io'), ok, text('')));
    const data = service({ type: atom('aws') });
    assert.deepEqual(decode(ioOk(code, fragment(data))), tuple(atom('io'), ok, data));
  });
}

test('its atoms are ATOM_EXT, byte for byte as Erlang writes them', () => {
  const bytes = [131, 104, 3, 100, 0, 2, ...Buffer.from('io'), 104, 2, 100, 0, 5, ...Buffer.from('error')];
  assert.deepEqual(
    ioError('aws'),
    Buffer.from([...bytes, 100, 0, 3, ...Buffer.from('aws'), 109, 0, 0, 0, 0]),
  );
});
