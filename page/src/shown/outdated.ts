import { signal } from '@preact/signals';
import { refusalOf } from '../term.ts';
import { type Heard, learn } from './profiles.ts';

/**
 * The phones whose profile may have changed since it was read last, each with a number that differs after each change.
 * A notice says that the profile changed, but not all of what it is now. So does `{io,{ok,…},…}`.
 */
export const outdated = signal<ReadonlyMap<string, number>>(new Map());

let changes = 0;

export function markOutdated(phone: string): void {
  outdated.value = new Map(outdated.value).set(phone, ++changes);
}

/** After a new connection: what was asked before may have been lost. */
export function readAnew(phone: string): void {
  clearTimeout(readings.get(phone)?.timer);
  readings.delete(phone);
  markOutdated(phone);
}

/** The reading that is under way for a phone, by the number of the change that it follows. */
const readings = new Map<
  string,
  { readonly change: number; readonly timer: ReturnType<typeof setTimeout> }
>();

/** An answer comes later where no worker is there; it is asked for again in case that it was lost. */
const patienceMs = 30_000;

const pauseMs = 1000;

/**
 * Begins to read a profile that may have changed, unless that is under way.
 * @param ask - sends the request.
 */
export function read(phone: string, ask: () => Promise<void>): void {
  const change = outdated.value.get(phone);
  if (change === undefined || readings.has(phone)) return;
  readings.set(phone, { change, timer: setTimeout(() => end(phone), patienceMs) });
  // What cannot be sent now is sent after the next connection, which marks the phone.
  ask().catch(() => end(phone));
}

/** Takes the answer to a reading. */
export function answered(heard: Heard): void {
  const { phone, term } = heard;
  learn(heard);
  const change = readings.get(phone)?.change;
  const refusal = refusalOf(term);
  const isTold = refusal === undefined || refusal === 'not_found' || refusal === 'not_authorized';
  // A busy server is asked again in a while, and so is one where the profile has changed meanwhile.
  if (!isTold) setTimeout(() => end(phone), pauseMs);
  else if (outdated.value.get(phone) !== change) end(phone);
  else end(phone, new Map([...outdated.value].filter(([other]) => other !== phone)));
}

/** Ends a reading. A phone that is still outdated is then read again, as the signal has changed. */
function end(phone: string, left: ReadonlyMap<string, number> = new Map(outdated.value)): void {
  clearTimeout(readings.get(phone)?.timer);
  readings.delete(phone);
  outdated.value = left;
}
