/** A worker whose way to the broker can be held up or cut, with a mail server. */
import { type MailStage, startMailStage } from '../system/outside-fixture.ts';
import { type Relay, startRelay } from '../system/relay.ts';
import type { WorkerSettings, WorkerUnderTest } from '../system/stage/worker.ts';

export interface RelayedStage extends MailStage {
  /** Between the worker and the broker. */
  readonly relay: Relay;
  readonly worker: WorkerUnderTest;
}

export async function startRelayedStage(settings: WorkerSettings = {}): Promise<RelayedStage> {
  const own = await startMailStage({ workers: 0 });
  const relay = await startRelay(own.stage.broker.port, 'mqtt');
  const worker = await own.stage.startWorker({ ...settings, MQTT_URL: `mqtt://127.0.0.1:${relay.port}` });
  const stop = async () => {
    await worker.process.stop();
    await relay.stop();
    await own.stop();
  };
  return { ...own, relay, worker, stop };
}
