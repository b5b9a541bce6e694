/** `migrate` with `phone`, and `remove`: the requests that end the use of a number. */
import { setTimeout as sleep } from 'node:timers/promises';
import { changeContact } from '../../../src/protocol/contact.ts';
import { unset } from '../../../src/protocol/fields.ts';
import { withRetry } from '../../../src/store/redis/retry.ts';
import { signIn } from '../../harness/sign-in.ts';
import { profile, refusal } from '../../harness/terms.ts';
import { askUntilFree, atServerTime, exactly, patienceMs, received, seeStored, success } from './answers.ts';
import type { Phone } from './phones.ts';
import { update } from './requests.ts';

/** `migrate` and `phone`: the first device proposes. The second one has signed in with the new number, and confirms. */
export async function move(phone: Phone): Promise<void> {
  const { system, rng, contactPhone } = phone.deps;
  const { number: old, known } = phone;
  // Without its roster the shared contact would not be notified of the new number, and would lose it.
  if (!known?.hasRoster) return;
  const [first, second] = phone.devices;
  const { previous } = phone;
  const isBack = previous !== undefined && previous !== old && rng.is(0.3);
  const next = isBack ? previous : `${old.slice(0, 5)}9${String(nextNumber++).padStart(7, '0')}`;
  // From here on a proposal to that number may be stored, and stay, if a broker that restarts drops what confirms it.
  phone.left.delete(next);
  await askUntilFree(phone, first, profile({ phone: next, status: 'migrate' }), {
    kind: 'migrate',
    refused: 'already_exists',
    possible: exactly(success('migration')),
  });
  const { connection, keys } = system.database;
  await phone.see('missing', `a migration from ${old} to ${next} waits`, async () => {
    return (await withRetry(() => connection.hget(keys.migration(next), 'from'))) === old;
  });
  await signIn(system.database, second.client, next);
  if (rng.is(0.2)) {
    const request = profile({ phone: old, status: 'get' });
    await phone.ask(first, 'get', request, [exactly(phone.profile('get', known))]);
  }
  phone.take(next);
  const due = contactPhone.expect(
    `move of ${phone.name} from ${old} to ${next}`,
    (notice) => notice.phoneId === `${next}_1`,
  );
  await askUntilFree(phone, second, profile({ phone: next, status: 'phone' }), {
    kind: 'phone',
    refused: 'busy',
    possible: atServerTime(phone, 'phone', known, (now) => {
      phone.known = now;
      phone.news.push(now);
    }),
  }).catch((error) => {
    contactPhone.forget(due);
    throw error;
  });
  phone.movedAt = performance.now();
  phone.left.add(old);
  phone.codes = [];
  phone.linkedAt = Number.NEGATIVE_INFINITY;
  await phone.see('missing', `${first.client} belongs to ${next}`, async () => {
    return (await withRetry(() => connection.hget(keys.session(first.client), 'phone'))) === next;
  });
  if (rng.is(0.3)) await update(phone);
  else if (rng.is(0.5)) await received(phone, due.what, () => !contactPhone.isDue(due));
}

let nextNumber = 1;

/** Removes the whole phone; both devices are notified, and sign in again. */
export async function remove(phone: Phone): Promise<void> {
  const { system, rng, contactPhone } = phone.deps;
  const { number, known } = phone;
  const device = phone.anyDevice();
  const request = profile({ phone: number, status: 'remove' });
  if (known === undefined) {
    await phone.ask(device, 'remove', request, [exactly(refusal('not_found'))]);
    return;
  }
  const other = phone.devices[device === phone.devices[0] ? 1 : 0];
  const before = phone.removals[other.client] ?? 0;
  // An `update` that the contact has not heard of is not told any more: it hears of the removal instead.
  const former = phone.formerNews();
  const due = known.hasRoster
    ? contactPhone.expect(
        `removal of ${phone.name} (${number})`,
        (notice) => notice.isDeleted && notice.phoneId === `${number}_1`,
      )
    : undefined;
  await askUntilFree(phone, device, request, {
    kind: 'remove',
    refused: 'busy',
    possible: exactly(profile({ phone: number, status: 'remove' })),
  }).catch((error) => {
    if (due) contactPhone.forget(due);
    throw error;
  });
  phone.known = undefined;
  phone.codes = [];
  phone.linkedAt = Number.NEGATIVE_INFINITY;
  if (known.hasRoster) phone.isDeletedAtContact = true;
  phone.news.push(...former);
  await seeStored(phone, 'nothing is stored');
  await received(
    phone,
    `${other.client} receives the removal`,
    () => (phone.removals[other.client] ?? 0) > before,
  );
  const { connection, keys } = system.database;
  await phone.see('missing', `the sessions of ${number} are gone`, async () => {
    return (await withRetry(() => connection.hget(keys.session(other.client), 'phone'))) !== number;
  });
  for (const { client } of phone.devices) await signIn(system.database, client, number);
  if (known.hasRoster) await makeFriends(phone);
  if (due && rng.is(0.5)) await received(phone, due.what, () => !contactPhone.isDue(due));
}

/**
 * The contact changes nothing itself. It gets its deleted entries back as friends; otherwise it would receive no more
 * notices.
 */
async function makeFriends(phone: Phone): Promise<void> {
  const { system, contactPhone } = phone.deps;
  const { number } = phone;
  const { connection, keys } = system.database;
  const isOver = async () => (await withRetry(() => connection.exists(keys.removal(number)))) === 0;
  // It ends just after its last notice was accepted.
  for (const end = performance.now() + patienceMs; !(await isOver()) && performance.now() < end; )
    await sleep(10);
  await phone.see('missing', `the removal of ${number} is over`, isOver);
  const place = { roster: '1', phoneId: `${number}_1` };
  await system.stores.contacts.change(contactPhone.number, place, (contact) =>
    changeContact(contact, { status: unset }),
  );
  phone.isDeletedAtContact = false;
}
