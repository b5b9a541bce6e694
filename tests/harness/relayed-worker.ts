/** A worker whose way to the broker can be held up or cut, with a mail server. */
import type { Relay } from './relay.ts';
import { type MailHarness, startMailHarness } from './services-fixture.ts';
import type { WorkerSettings, WorkerUnderTest } from './worker.ts';

export interface RelayedHarness extends MailHarness {
  /** Between the worker and the broker. */
  readonly relay: Relay;
  readonly worker: WorkerUnderTest;
}

export async function startRelayedHarness(settings: WorkerSettings = {}): Promise<RelayedHarness> {
  const own = await startMailHarness({ workers: 0 });
  const relay = await own.harness.relay();
  const worker = await own.harness.startWorker({ ...settings, MQTT_URL: relay.url });
  return { ...own, relay, worker };
}
