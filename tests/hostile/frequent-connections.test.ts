/** A client that connects often is let in less often; nobody but itself can bring that about. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openClient } from '../harness/mqtt-clients.ts';
import { type ProductionBroker, startProductionBroker } from '../harness/production-broker.ts';

/** `plugin_opt_connections_burst` in production. */
const burst = 10;

let broker: ProductionBroker;
before(async () => {
  broker = await startProductionBroker();
});
after(() => broker.server.stop());

/** Logs in, and ends the connection without a DISCONNECT. */
async function comeAndGo(user: string, clientId: string, password?: string): Promise<void> {
  const login = { ...broker.login(user), ...(password !== undefined && { password }) };
  const client = await openClient(broker.server.url, { clientId, ...login });
  client.stream.destroy();
  await client.endAsync(true);
}

test('a client that comes and goes is put off without a word, and others are let in', async () => {
  let ended = 0;
  const often = async (): Promise<void> => {
    for (; ended < 30 * burst; ended++) await comeAndGo('admin', 'often');
  };
  // What a client would take for a wrong password is a CONNACK.
  await assert.rejects(often(), /the broker closed the connection/);
  assert.ok(ended >= burst, `${ended} connections`);
  await comeAndGo('admin', 'seldom');
});

test('a stranger with the client id of another uses up nothing', async () => {
  for (let count = 0; count < 3 * burst; count++)
    await assert.rejects(comeAndGo('admin', 'victim', 'a guess'), /not authorized/i);
  for (let count = 0; count < burst / 2; count++) await comeAndGo('admin', 'victim');
});

test('a worker comes as often as it needs', async () => {
  for (let count = 0; count < 3 * burst; count++) await comeAndGo('worker', 'profile-often');
});
