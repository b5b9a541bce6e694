/** Moving a profile to another phone, as clients do it. */
import assert from 'node:assert/strict';
import type { Term } from '../../src/etf/index.ts';
import type { Harness } from './harness.ts';
import type { Phone } from './phone.ts';
import { fieldsOf, profile, refusal } from './terms.ts';

export const confirm = ({ number }: Phone): Term => profile({ phone: number, status: 'phone' });

export async function ask(from: Phone, to: Phone): Promise<void> {
  const answer = await from.ask(profile({ phone: to.number, status: 'migrate' }));
  assert.notDeepEqual(answer, refusal('already_exists'));
}

/** Ask and confirm, and wait until all is told; returns the answer's fields. */
export async function move(harness: Harness, from: Phone, to: Phone) {
  await ask(from, to);
  const answer = await to.ask(confirm(to));
  await harness.idle();
  return fieldsOf(answer);
}
