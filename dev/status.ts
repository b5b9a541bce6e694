import { readFileSync } from 'node:fs';
import type { MqttClient } from 'mqtt';
import type { Troubled } from './trouble-orders.ts';

const statusTopic = 'qa/status';

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
}

const lookMs = 1_000;

/** Keeps on `qa/status` which workers take requests, their version, and what trouble is in force. */
export function publishStatus({ system, states, connection }: StatusOptions) {
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
  return { stop: () => clearInterval(timer) };
}

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
