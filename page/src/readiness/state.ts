import { computed, effect, signal } from '@preact/signals';
import type { Readiness } from '../../../dev/page/shapes.ts';
import { brokerState } from '../broker.ts';
import { server } from '../server.ts';
import { isReady, type Known, type Waiting, waitingFor } from './waiting.ts';

/** `undefined` before the server has said it. */
const parts = signal<Readiness | undefined>(undefined);

/** When the server last answered, or was missed first. Unix milliseconds. */
const serverSince = signal<number | undefined>(undefined);

/** Since when the broker is not connected, in Unix milliseconds; `undefined` while it is. */
const brokerSince = signal<number | undefined>(Date.now());

effect(() => {
  const isConnected = brokerState.value === 'connected';
  if (isConnected) brokerSince.value = undefined;
  else brokerSince.value = brokerSince.peek() ?? Date.now();
});

/** The moment of the last look, in Unix milliseconds. Spans on the page count to it. */
export const lookedAt = signal(Date.now());

/** Looks at the server once more. */
export async function look(): Promise<void> {
  try {
    parts.value = await server.readiness();
    serverSince.value = undefined;
  } catch {
    serverSince.value ??= Date.now();
  }
  lookedAt.value = Date.now();
}

export const known = computed<Known>(() => ({
  broker: missed(
    'the broker',
    brokerState.value === 'connecting' ? 'connecting' : 'no connection',
    brokerSince.value,
  ),
  server: missed('the server of this page', 'no answer', serverSince.value),
  parts: parts.value ?? [],
}));

function missed(name: string, cause: string, since: number | undefined): Waiting {
  if (since === undefined) return { name, causes: [], forSeconds: 0 };
  return { name, causes: [cause], forSeconds: secondsSince(since) };
}

/** Whole seconds from a moment to the last look. */
export function secondsSince(ms: number): number {
  return Math.max(0, Math.floor((lookedAt.value - ms) / 1000));
}

/** What is waited for now; nothing before the first look. */
export const waiting = computed(() => (parts.value === undefined ? [] : waitingFor(known.value)));

/** `undefined` before the first look. */
export const ready = computed(() => (parts.value === undefined ? undefined : isReady(known.value)));
