import { computed, signal } from '@preact/signals';
import { server } from '../server.ts';
import { type Moment, momentBetween, type Sample } from './rates.ts';

/** How far back the charts look. */
export const shownSeconds = 120;
/** Latencies are those of so many seconds, or a quiet system would show none. */
const latencySpanMs = 5_000;

const samples = signal<readonly Sample[]>([]);

export const moments = signal<readonly Moment[]>([]);

/** The newest state of each worker. */
export const workers = computed(() => samples.value.at(-1)?.workers ?? []);

/** Take one more sample; workers that can't be asked are there without numbers. */
export async function sample(): Promise<void> {
  const silent = workers.value.map(({ name }) => ({ name }));
  const taken: Sample = { atMs: Date.now(), workers: await server.workers().catch(() => silent) };
  const kept = samples.value.filter(({ atMs }) => atMs > taken.atMs - 2 * latencySpanMs);
  const spanStart = kept.findLast(({ atMs }) => atMs <= taken.atMs - latencySpanMs) ?? kept[0];
  const { median, p95 } = momentBetween(spanStart, taken);
  const moment = { ...momentBetween(kept.at(-1), taken), median, p95 };
  samples.value = [...kept, taken];
  moments.value = [...moments.value, moment].filter(({ atMs }) => atMs > taken.atMs - shownSeconds * 1000);
}
