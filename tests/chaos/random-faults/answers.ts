/** The possible answers to a request. */
import { setTimeout as sleep } from 'node:timers/promises';
import { atom, encode, equal, isAtom, type Term, Tuple, tuple } from '../../../src/etf/index.ts';
import type { RequestKind } from '../../../src/handlers/index.ts';
import type { Refusal, Success } from '../../../src/protocol/io.ts';
import { fieldsOf, refusal, text } from '../../harness/terms.ts';
import type { Device } from './device.ts';
import type { Known } from './known.ts';
import { Lost, type Phone, type Possible } from './phones.ts';

/** The clocks are the same, but a time is rounded. */
const roundingMs = 2;

/** `{io,{ok,Code},Data}` */
export function success(code: Success, data: Term = text('')): Tuple {
  return tuple(atom('io'), tuple(atom('ok'), atom(code)), data);
}

export function exactly(expected: Tuple): Possible {
  const bytes = encode(expected);
  return { fits: (answer) => encode(answer).equals(bytes) && 'last' };
}

/** The profile as known; `update` is a server time between the request and its answer. */
export function atServerTime(
  phone: Phone,
  kind: 'set' | 'phone',
  known: Known,
  note: (now: Known) => void,
): Possible {
  const sent = Date.now() - roundingMs;
  const knownAt = (answer: Term): Known | undefined => {
    if (!(answer instanceof Tuple) || !isAtom(answer.elements[0], 'Profile')) return undefined;
    const { update: time } = fieldsOf(answer);
    if (typeof time !== 'number' || time < sent || time > Date.now() + roundingMs) return undefined;
    return { ...known, update: time };
  };
  return {
    fits(answer) {
      const now = knownAt(answer);
      return now !== undefined && equal(answer, phone.profile(kind, now)) && 'last';
    },
    note(answer) {
      const now = knownAt(answer);
      if (now) note(now);
    },
  };
}

export const patienceMs = 45_000;

/** Sends the request again while it is refused because the phone's last move is not complete. */
export async function askUntilFree(
  phone: Phone,
  device: Device,
  request: Tuple,
  { kind, refused, possible }: { kind: RequestKind; refused: Refusal; possible: Possible },
): Promise<void> {
  const free = exactly(refusal(refused));
  for (const end = performance.now() + patienceMs; ; await sleep(200)) {
    const answer = await phone.ask(device, kind, request, [possible, free]);
    if (possible.fits(answer) === 'last') return;
    phone.deps.eventLog.explained(`${kind} refused as ${refused}, as the phone was just moving`);
    if (performance.now() < end) continue;
    phone.deps.eventLog.differs(
      'wrong',
      `${kind} of ${phone.name} (${phone.number}) is ${refused} for too long`,
      phone.since,
    );
    throw new Lost();
  }
}

/** Waits for a message; it must not take longer than a worker's exit and a session takeover. */
export async function received(phone: Phone, what: string, isHeard: () => boolean): Promise<void> {
  for (const end = performance.now() + patienceMs; !isHeard() && performance.now() < end; ) await sleep(10);
  if (isHeard()) return;
  phone.deps.eventLog.differs(
    'notice',
    `${phone.name} (${phone.number}) waits in vain: ${what}`,
    phone.since,
  );
  throw new Lost();
}

/** For a client that cannot tell answers apart: continues only when the known data is stored. */
export async function seeStored(phone: Phone, what: string): Promise<void> {
  if (phone.hasCorrelation) return;
  await phone.see('missing', what, async () => {
    const stored = await phone.stored();
    const { known } = phone;
    return known === undefined
      ? stored === undefined
      : stored !== undefined && equal(stored, phone.profile('get', known));
  });
}
