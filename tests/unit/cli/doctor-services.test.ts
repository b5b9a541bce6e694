/** What `profilectl doctor` says of a mail server that refuses for a while: not that our sender is wrong. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { checkMail } from '../../../src/cli/doctor-services.ts';
import { readSettings } from '../../../src/config/settings.ts';

for (const [reply, saw, advice] of [
  ['421 4.7.0 too many connections', 'the server takes no mail at the moment (421)', /try again/],
  ['451 4.3.0 later', 'the server takes no mail at the moment (451)', /try again/],
  ['550 5.1.8 no', 'the server does not take our sender (550)', /MAIL_FROM/],
] as const)
  test(`${reply} to MAIL`, async (t) => {
    const server = createServer((socket) => {
      socket.write('220 here\r\n');
      socket.on('error', () => undefined);
      socket.on('data', (line) => {
        socket.write(line.toString().startsWith('MAIL') ? `${reply}\r\n` : '250 here\r\n');
      });
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const settings = readSettings({
      MQTT_URL: 'mqtt://127.0.0.1',
      REDIS_URL: 'redis://127.0.0.1',
      SMTP_URL: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
      SMTP_REQUIRE_TLS: 'off',
      MAIL_FROM: 'a@example.org',
      VERIFY_SECRET: 'x'.repeat(32),
    });
    const [finding] = await checkMail(settings);
    assert.equal(finding?.saw, saw);
    assert.match(finding?.advice ?? '', advice);
  });
