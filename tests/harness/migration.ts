/** Moving a profile to another phone, as clients do it. */
import assert from 'node:assert/strict';
import { decode, type Term } from '../../src/etf/index.ts';
import type { Harness } from './harness.ts';
import type { Phone } from './phone.ts';
import { fieldsOf, profile, refusal } from './terms.ts';

export const confirm = ({ number }: Phone): Term => profile({ phone: number, status: 'phone' });

export async function ask(from: Phone, to: Phone): Promise<void> {
  const answer = await from.ask(profile({ phone: to.number, status: 'migrate' }));
  assert.notDeepEqual(answer, refusal('already_exists'));
}

/** The answer to a confirmation that others may make at once: what answers theirs is left out. */
export async function confirmBeside(phone: Phone, request: Term): Promise<Term> {
  const correlationData = Buffer.from(phone.client);
  await phone.send(request, { properties: { correlationData } });
  for (;;) {
    const { payload, properties } = await phone.take();
    if (properties?.correlationData?.equals(correlationData)) return decode(payload);
  }
}

/** Ask and confirm, and wait until all is told; returns the answer's fields. The old phone's own copy is taken off. */
export async function move(harness: Harness, from: Phone, to: Phone) {
  await ask(from, to);
  const answer = await to.ask(confirm(to));
  await harness.idle();
  await from.fence();
  from.answers.splice(0);
  return fieldsOf(answer);
}
