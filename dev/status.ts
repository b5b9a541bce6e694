import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { MqttClient } from 'mqtt';
import { topics } from './topics.ts';
import type { Troubled } from './trouble-orders.ts';

export const statusTopic = 'qa/status';

interface WorkerState {
  readonly name: string;
  readonly ready: boolean;
  /** As its `/readyz` has it. */
  readonly because?: string;
}

export interface StatusOptions {
  readonly system: Pick<Troubled, 'workers'>;
  /** The trouble in force. */
  readonly states: () => readonly string[];
  readonly connection: MqttClient;
  readonly redis: Redis;
}

const lookMs = 1_000;

/**
 * Keeps on `qa/status` which workers take requests, their version, and what trouble is in force. While no worker does, who asks gets
 * a hint, as no worker can give it.
 */
export function publishStatus({ system, states, connection, redis }: StatusOptions) {
  const version = ownVersion();
  let told = '';
  let workers: readonly WorkerState[] = [];
  const look = async (): Promise<void> => {
    workers = await Promise.all(system.workers.map(({ name, httpPort }) => stateOf(name, httpPort)));
    const text = JSON.stringify({ workers, version, trouble: states() }, undefined, 2);
    if (text === told || !connection.connected) return;
    told = text;
    connection.publish(statusTopic, text, { qos: 1, retain: true });
  };
  let looking = look();
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => undefined);
  }, lookMs);
  timer.unref();
  connection.on('message', (topic, _, { qos }) => {
    const client = topics.readRequest(topic)?.client;
    if (client === undefined || workers.length === 0 || workers.some(({ ready }) => ready)) return;
    const why = workers.map(({ name, because }) => `${name}: ${because}`).join('; ');
    // The broker keeps no message of QoS 0 for a worker that is away.
    const fate = qos === 0 ? 'is lost, as its QoS is 0: publish it again then' : 'is answered then';
    const hint = `No worker takes requests (${why}); qa/status says when one does. This request ${fate}.`;
    const payload = JSON.stringify({ hint, at: new Date().toISOString() }, undefined, 2);
    const properties = { messageExpiryInterval: hintSeconds };
    connection.publish(`qa/hint/${client || '-'}`, payload, { qos: 1, retain: true, properties });
    // The worker that answers then clears it.
    if (redis.status === 'ready')
      void redis.set(`hint:${client}`, '1', 'EX', hintSeconds).catch(() => undefined);
  });
  connection.subscribe(topics.requests, { qos: 1 });
  return { stop: () => clearInterval(timer) };
}

const hintSeconds = 600;

async function stateOf(name: string, httpPort: number): Promise<WorkerState> {
  try {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/readyz`, { signal: AbortSignal.timeout(2_000) });
    if (answer.ok) return { name, ready: true };
    return { name, ready: false, because: (await answer.text()).trim().slice(0, 200) };
  } catch {
    return { name, ready: false, because: 'does not run, or stands still' };
  }
}

function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
