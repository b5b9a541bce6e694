/** A connection to Redis that is given up while its TLS handshake runs: no error of its stream ends the process. */
import assert from 'node:assert/strict';
import { type EventEmitter, errorMonitor, once } from 'node:events';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { selfSignedCertificate } from '../../../dev/servers/certificate.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import { openRedis } from '../../../src/store/redis/database.ts';

const redis = await startRedis({ tls: { certificate: await selfSignedCertificate() } });
after(() => redis.stop());

/** The stream of a connection, once TCP has connected: the handshake is then to come. */
async function streamOf(connection: unknown): Promise<EventEmitter> {
  for (;;) {
    const { stream } = connection as { stream?: EventEmitter & { readonly connecting: boolean } };
    if (stream !== undefined) {
      if (stream.connecting) await once(stream, 'connect');
      return stream;
    }
    await setImmediate();
  }
}

test('the certificate is refused by us, and half of a handshake by the server: both are survived', async () => {
  let twice = 0;
  for (let attempt = 0; attempt < 30; attempt++) {
    const database = openRedis(redis.url, '', () => undefined);
    assert.ok(database.connection instanceof Redis);
    const stream = await streamOf(database.connection);
    let errors = 0;
    // It watches, and is no listener for errors.
    stream.on(errorMonitor, () => {
      if (++errors === 2) twice++;
    });
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    await database.close();
    await closed;
  }
  assert.ok(twice > 0, 'the second error has come at least once');
});
