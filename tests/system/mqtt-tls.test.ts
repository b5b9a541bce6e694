import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectBroker } from '../../src/mqtt/connection.ts';
import { eventually, Mosquitto, options, subscribed } from './mqtt/broker-for-tests.ts';

test('over TLS a broker is trusted by its CA, and both sides show a certificate', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject];
  execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
  const files = [`certfile ${certFile}`, `keyfile ${keyFile}`, `cafile ${certFile}`];
  const broker = await Mosquitto.start([...files, 'require_certificate true']);
  t.after(() => broker.remove());

  const url = broker.url.replace('mqtt:', 'mqtts:');
  const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
  const trusting = connectBroker(options(url, { tls: { ca: cert, cert, key } }), () => undefined);
  await subscribed(t, trusting);
  await trusting.publish({ topic: 'out', payload: Buffer.from('x'), qos: 1 });

  const distrusting = connectBroker(options(url, { clientId: 'other', tls: { cert, key } }), () => undefined);
  t.after(() => distrusting.close());
  await eventually('distrust', () => distrusting.state.cause?.includes('CERT') === true);
  assert.equal(distrusting.state.cause, 'connection failed: DEPTH_ZERO_SELF_SIGNED_CERT');
});
