import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../harness/eventually.ts';
import { marker, relayTo } from '../harness/poison-harness.ts';
import { askPrometheus } from '../harness/prometheus.ts';
import { feature, profile } from '../harness/terms.ts';
import type { WorkerUnderTest } from '../harness/worker.ts';
import type { Break } from './system.ts';
import { gets, traffic } from './traffic.ts';

/** Another worker that ends or freezes; the system's own one takes over. */
const gone =
  (signal: 'SIGKILL' | 'SIGSTOP'): Break =>
  async (system) => {
    const { worker } = await system.another({ MQTT_URL: system.harness.broker.url });
    await eventually('it takes requests', async () => (await worker.page('/readyz')).status === 200);
    // A counter is at 0 when it is first seen, so that its increase shows.
    const prometheus = await system.watch([system.worker, worker]);
    type Vector = { readonly result: readonly unknown[] };
    const adopted = { query: 'profile_adopted_sessions_total' };
    await eventually('Prometheus sees both', async () => {
      const { result } = await askPrometheus<Vector>(prometheus, 'query', adopted);
      return result.length === 2;
    });
    await worker.process.kill(signal);
    return {
      scene: { ...system, settings: system.settings, prometheus },
      mend: () => worker.process.kill('SIGKILL'),
    };
  };

/** Freeze and resume it: its event loop is late each time. */
async function stutter({ process: { pid = 0 } }: WorkerUnderTest, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    process.kill(pid, 'SIGSTOP');
    await sleep(300);
    process.kill(pid, 'SIGCONT');
    await sleep(150);
  }
}

/** A worker that is killed whenever it publishes a marker, which the answer to one phone holds. */
const poisoned: Break = async (system) => {
  const { harness, redis, phones } = system;
  let worker: WorkerUnderTest | undefined;
  let restarted = Promise.resolve();
  let isDying = false;
  const restart = async (process: WorkerUnderTest['process']): Promise<void> => {
    await process.kill('SIGKILL');
    relay.cut();
    isDying = false;
    await process.restart();
  };
  const relay = await relayTo(harness, (packet) => {
    if (!packet.includes(marker)) return true;
    if (worker !== undefined && !isDying) {
      isDying = true;
      restarted = restart(worker.process);
    }
    return false;
  });
  const [{ client = '', number = '' } = {}] = phones;
  const key = `profile:{${number}}`;
  // The worker's way of storing a profile, with the marker in place of another text.
  const asking = await harness.phone({ client, number, session: false });
  const settings = [feature('WORDS', 'x'.repeat(marker.length))];
  await asking.ask(profile({ phone: number, settings, status: 'set' }));
  const stored = (await redis.hgetBuffer(key, 'settings'))?.toString('latin1') ?? '';
  // Keys of its own, so that the system's worker does not take over its session.
  const prefix = 'mortal:';
  await redis.copy(key, prefix + key);
  await redis.hset(prefix + key, 'settings', Buffer.from(stored.replace(/x{5,}/, marker), 'latin1'));
  await redis.hset(`${prefix}session:${client}`, 'phone', number);
  await redis.sadd(`${prefix}sessions:{${number}}`, client);
  const own = { MQTT_URL: relay.url, MQTT_SHARE_GROUP: 'mortal', REDIS_KEY_PREFIX: prefix };
  const scene = await system.another(own);
  worker = scene.worker;
  await eventually('it takes requests', async () => (await scene.worker.page('/readyz')).status === 200);
  await asking.send(profile({ phone: number, status: 'get' }));
  return {
    scene,
    async mend() {
      await redis.del(key, prefix + key);
      await restarted.catch(() => undefined);
      await asking.mqtt.endAsync(true);
    },
  };
};

export const breakingWorkers: Readonly<Record<string, Break>> = {
  'worker-killed': gone('SIGKILL'),
  'worker-frozen': gone('SIGSTOP'),
  'request-poisoned': poisoned,
  'worker-late': async (system) => {
    // As shipped, each reading of the metrics tells of a second.
    const scene = await system.another({ METRICS_CACHE_MS: '1000' });
    const end = new AbortController();
    const stuttering = stutter(scene.worker, end.signal);
    return {
      scene,
      async mend() {
        end.abort();
        await stuttering;
      },
    };
  },
  'settings-unknown': async (system) => ({
    scene: await system.another({ MQTT_URLS: 'mqtt://127.0.0.1' }),
    mend: async () => undefined,
  }),
  'settings-client-id': async (system) => ({
    scene: await system.another({ MQTT_CLIENT_ID: 'worker-7' }),
    mend: async () => undefined,
  }),
  'traces-away': async (system) => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:1';
    const more = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_BSP_SCHEDULE_DELAY: '200', MQTT_SHARE_GROUP: 'another' };
    const scene = await system.another(more);
    const stop = await traffic(system, gets);
    return { scene, mend: stop };
  },
};
