/** Phones that ask again and again while something is broken, and wait for no answer. */
import { atom, type Term } from '../../src/etf/index.ts';
import type { Phone } from '../harness/harness.ts';
import { link } from '../harness/services-fixture.ts';
import { profile } from '../harness/terms.ts';
import type { System } from './system.ts';

const everyMs = 50;
let rounds = 0;

/** What the phones have asked for in earlier faults counts no more. */
export async function forgetLimits({ redis }: System): Promise<void> {
  await Promise.all((await redis.keys('limit:*')).map((key) => redis.del(key)));
}

/** @returns what ends it. */
export async function traffic(
  { harness, phones: signedIn }: System,
  requestOf: (phone: Phone, round: number) => Term,
  phoneCount = 1,
): Promise<() => Promise<void>> {
  const phones = await Promise.all(
    signedIn.slice(0, phoneCount).map((one) => harness.phone({ ...one, session: false })),
  );
  const timer = setInterval(() => {
    const phone = phones[rounds++ % phones.length];
    // The broker may be away: what is lost does not matter.
    if (phone?.mqtt.connected) phone.send(requestOf(phone, rounds), { qos: 0 }).catch(() => undefined);
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await Promise.all(phones.map(({ mqtt }) => mqtt.endAsync(true)));
  };
}

/** Phones that link addresses, as if each had asked for none before. */
export async function linking(system: System): Promise<() => Promise<void>> {
  const stop = await traffic(system, links, 20);
  const forgetting = setInterval(() => void forgetLimits(system), 500);
  return async () => {
    clearInterval(forgetting);
    await stop();
  };
}

export const gets = ({ number: phone }: Phone): Term => profile({ phone, status: 'get' });
export const sets = ({ number: phone }: Phone): Term =>
  profile({ phone, presence: atom('online'), status: 'set' });
const links = (phone: Phone, round: number): Term => link(phone, `ann-${round}@example.org`);
export const awses = ({ number: phone }: Phone): Term => profile({ phone, status: 'aws' });
