import { computed, signal } from '@preact/signals';
import { server } from '../server.ts';
import { type Moment, momentBetween, type Sample } from './rates.ts';

/** The time span of the charts. */
export const shownSeconds = 120;
/** Latencies cover this span, because a quiet system would otherwise show none. */
const latencySpanMs = 5_000;

const samples = signal<readonly Sample[]>([]);

export const moments = signal<readonly Moment[]>([]);

/** The newest state of each worker. */
export const workers = computed(() => samples.value.at(-1)?.workers ?? []);

/** Takes one more sample; workers that don't answer have no numbers in it. */
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
