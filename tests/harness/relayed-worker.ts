/** A worker whose way to the broker can be held up or cut, with a mail server. */

import { type Relay, startRelay } from './relay.ts';
import { type MailHarness, startMailHarness } from './services-fixture.ts';
import type { WorkerSettings, WorkerUnderTest } from './worker.ts';

export interface RelayedStage extends MailHarness {
  /** Between the worker and the broker. */
  readonly relay: Relay;
  readonly worker: WorkerUnderTest;
}

export async function startRelayedStage(settings: WorkerSettings = {}): Promise<RelayedStage> {
  const own = await startMailHarness({ workers: 0 });
  const relay = await startRelay(own.harness.broker.port, 'mqtt');
  const worker = await own.harness.startWorker({ ...settings, MQTT_URL: `mqtt://127.0.0.1:${relay.port}` });
  const stop = async () => {
    await worker.process.stop();
    await relay.stop();
    await own.stop();
  };
  return { ...own, relay, worker, stop };
}
