import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { mailpit } from '../../../../dev/page/mailpit.ts';

test('mails are read by the API of Mailpit, the text of each once', async (t) => {
  const asked: string[] = [];
  const answers: Record<string, unknown> = {
    '/api/v1/messages?limit=20': {
      total: 1,
      messages: [
        {
          ID: 'iAfZVVe2UQfNSG5BAjgYwa',
          From: { Name: '', Address: 'profile@example.org' },
          To: [{ Name: '', Address: 'olena@example.org' }],
          Subject: 'PROFILE: your code',
          Created: '2026-11-25T19:29:46.000Z',
          Snippet: 'Your code',
        },
      ],
    },
    '/api/v1/message/iAfZVVe2UQfNSG5BAjgYwa': { Text: 'Your code is 123456', HTML: '<p>' },
  };
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(JSON.stringify(answers[request.url ?? '']));
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');

  const mails = mailpit(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const expected = [
    {
      to: ['olena@example.org'],
      subject: 'PROFILE: your code',
      text: 'Your code is 123456',
      receivedAt: '2026-11-25T19:29:46.000Z',
    },
  ];
  assert.deepEqual(await mails(), expected);
  assert.deepEqual(await mails(), expected);
  assert.equal(asked.filter((url) => url.startsWith('/api/v1/message/')).length, 1);
});
