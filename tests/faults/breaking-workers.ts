import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerUnderTest } from '../harness/worker.ts';
import type { Break } from './system.ts';
import { gets, traffic } from './traffic.ts';

/** Another worker that ends or freezes; the system's own one takes over. */
const gone =
  (signal: 'SIGKILL' | 'SIGSTOP'): Break =>
  async (system) => {
    const { worker } = await system.another({ MQTT_URL: system.harness.broker.url });
    await sleep(1_000); // it has a heartbeat by then
    await worker.process.kill(signal);
    return {
      scene: {
        ...system,
        settings: system.settings,
        prometheus: await system.watch([system.worker, worker]),
      },
      mend: () => worker.process.kill('SIGKILL'),
    };
  };

/** Freeze and thaw it: its event loop is late each time. */
async function stutter(worker: WorkerUnderTest, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await worker.process.kill('SIGSTOP');
    await sleep(400);
    await worker.process.kill('SIGCONT');
    await sleep(60);
  }
}

export const breakingWorkers: Readonly<Record<string, Break>> = {
  'worker-killed': gone('SIGKILL'),
  'worker-frozen': gone('SIGSTOP'),
  'worker-late': async ({ worker }) => {
    const end = new AbortController();
    const stuttering = stutter(worker, end.signal);
    return {
      async mend() {
        end.abort();
        await stuttering;
      },
    };
  },
  'worker-stuck': async (system) => {
    const { relay, scene } = await system.anotherBehind('redis');
    relay.hold('down');
    const stop = await traffic(system, gets, 8);
    return {
      scene,
      async mend() {
        relay.release();
        await stop();
      },
    };
  },
};
