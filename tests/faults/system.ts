/** A running system to break: broker, Redis, mail server, STS, a worker, and Prometheus. */
import { Redis } from 'ioredis';
import type { Server } from '../../dev/servers/process.ts';
import { mailSettings, stsSettings } from '../../dev/servers/services.ts';
import { type SmtpSink, startSmtp } from '../../dev/servers/smtp.ts';
import { type StsServer, startSts } from '../../dev/servers/sts.ts';
import { eventually } from '../harness/eventually.ts';
import { type Harness, startHarness } from '../harness/harness.ts';
import { setTargets } from '../harness/prometheus.ts';
import type { Relay } from '../harness/relay.ts';
import { startWorker, type WorkerSettings, type WorkerUnderTest } from '../harness/worker.ts';
import { startHurriedPrometheus } from './hurried-prometheus.ts';
import type { Scene } from './observe.ts';

export interface System extends Scene {
  readonly harness: Harness;
  readonly sink: SmtpSink;
  readonly sts: StsServer;
  /** They are signed in. */
  readonly phones: readonly { readonly client: string; readonly number: string }[];
  /** As a user who may do everything, past the relay. */
  readonly redis: Redis;
  /** Start one more worker that need not become ready; it ends with the fault. */
  another(settings: WorkerSettings): Promise<Scene>;
  /** The same behind a relay, which sees its own copy of all requests. */
  anotherBehind(which: 'broker' | 'redis'): Promise<{ readonly relay: Relay; readonly scene: Scene }>;
  /** Have Prometheus look at these workers. */
  watch(workers: readonly WorkerUnderTest[]): Promise<Server>;
  /** End what `another` has started, and have Prometheus look at the system's own worker. */
  tidy(): Promise<void>;
  stop(): Promise<void>;
}

export interface Broken {
  readonly mend: () => Promise<unknown>;
  /** Where to look, if not at the system's own worker. */
  readonly scene?: Scene;
}

/** Breaks one thing. @returns what mends it. */
export type Break = (system: System) => Promise<Broken>;

export const user = 'worker';
export const password = 'a:secret';
export const rights = '~* resetchannels +@all -@admin';

export async function startSystem(): Promise<System> {
  const extraConfig = `user ${user} on >${password} ${rights}\nbusy-reply-threshold 50`;
  const [harness, sink, sts] = await Promise.all([
    startHarness({ workers: 0, redis: { extraConfig } }),
    startSmtp(),
    startSts(),
  ]);
  const redis = new Redis(harness.redis.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined); // faults stop it
  const phones = Array.from({ length: 20 }, (_, index) => ({
    client: `asking-${index}`,
    number: `3805000000${String(index).padStart(2, '0')}`,
  }));
  for (const { client, number } of phones) await harness.signIn(client, number);
  const asUser = (url: string) => url.replace('://', `://${user}:${encodeURIComponent(password)}@`);
  const settings: WorkerSettings = {
    ...mailSettings(sink),
    ...stsSettings(sts),
    NODE_ENV: 'test',
    MQTT_URL: harness.broker.url,
    MQTT_CLIENT_ID: 'profile-observed',
    MQTT_RECEIVE_MAXIMUM: '4',
    REDIS_URL: asUser(harness.redis.url),
    SMTP_CONNECTIONS: '1',
    SMTP_QUEUE: '0',
    SMTP_TIMEOUT_MS: '2000',
    AWS_DEADLINE_MS: '2000',
    HEARTBEAT_MS: '200',
    HEIR_AFTER_MS: '1000',
    CLIENT_RATE: '100000',
    CLIENT_BURST: '100000',
  };
  const worker = await startWorker(settings);
  const others: WorkerUnderTest[] = [];
  const prometheus = await startHurriedPrometheus([hostOf(worker)]);
  const watch = async (workers: readonly WorkerUnderTest[]): Promise<Server> => {
    await setTargets(prometheus, workers.map(hostOf));
    return prometheus;
  };
  const another = async (more: WorkerSettings): Promise<Scene> => {
    const own = { ...settings, MQTT_CLIENT_ID: `profile-another-${others.length}`, ...more };
    const other = await startWorker(own, { ready: /"msg":"(starting|ready)"/ });
    others.push(other);
    return { worker: other, settings: own, prometheus: await watch([other]) };
  };
  return {
    ...{ harness, sink, sts, redis, phones, worker, settings },
    prometheus,
    another,
    async anotherBehind(which) {
      const server = which === 'broker' ? harness.broker : harness.redis;
      const relay = await harness.relay({}, server);
      const name: WorkerSettings =
        which === 'broker' ? { MQTT_URL: relay.url } : { REDIS_URL: asUser(relay.url) };
      return { relay, scene: await another({ ...name, MQTT_SHARE_GROUP: 'another' }) };
    },
    watch,
    async tidy() {
      if (others.length === 0) return;
      await Promise.all(others.splice(0).map(({ process }) => process.stop()));
      await watch([worker]);
    },
    async stop() {
      redis.disconnect();
      await Promise.all([prometheus.stop(), worker.process.stop(), sink.stop(), sts.stop()]);
      await harness.stop();
    },
  };
}

const hostOf = ({ process }: WorkerUnderTest): string => new URL(process.url).host;

/** Wait until it is whole again, so that the next fault starts from nothing. */
export async function whole({ worker }: System): Promise<void> {
  await eventually(
    'the worker is ready by itself',
    async () => (await worker.page('/readyz')).status === 200,
    60_000,
  );
}
