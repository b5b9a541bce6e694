import assert from 'node:assert/strict';
import test from 'node:test';
import { mailFailure } from '../../../../src/services/mail/failure.ts';

test('a refusal of the server becomes its codes, without its text', () => {
  const response = '550 5.1.1 <ann@example.org>: no such mailbox';
  const error = Object.assign(new Error(`no: ${response}`), {
    code: 'EENVELOPE',
    command: 'RCPT TO',
    response,
  });
  const expected = { cause: 'EENVELOPE', command: 'RCPT', responseCode: 550, enhancedCode: '5.1.1' };
  assert.deepEqual(mailFailure(error), expected);
});

test('a connection that fails becomes the codes of library and system', () => {
  const error = Object.assign(new Error('no'), {
    code: 'ESOCKET',
    originalCode: 'ECONNREFUSED',
    command: 'CONN',
  });
  assert.deepEqual(mailFailure(error), { cause: 'ESOCKET', systemCode: 'ECONNREFUSED', command: 'CONN' });
});

for (const odd of [undefined, null, 'ann@example.org 123456', 7, {}, new Error('ann@example.org 123456')]) {
  test(`anything else becomes not_accepted: ${JSON.stringify(odd)}`, () => {
    assert.deepEqual(mailFailure(odd), { cause: 'not_accepted' });
  });
}

test('codes of another shape are left out', () => {
  const secret = 'ann@example.org';
  const odd = {
    code: secret,
    originalCode: `E ${secret}`,
    command: secret,
    response: `${secret} 550`,
    message: secret,
  };
  assert.deepEqual(mailFailure(odd), { cause: 'not_accepted' });
});
