/** The phones' requests, each with all possible answers and the known data after them. */

import { atom, equal, isAtom, type Term, Tuple } from '../../../src/etf/index.ts';
import { withRetry } from '../../../src/store/redis/retry.ts';
import { profile, refusal, service, text } from '../../harness/terms.ts';
import { atServerTime, exactly, received, seeStored, success } from './answers.ts';
import { countSetting, type Known, nothingKnown, ownRoster } from './known.ts';
import type { Phone, Possible } from './phones.ts';

/** How long after its end a hang still has effects. */
const aftermathMs = 15_000;

/** For a frozen worker it looks as if the other side had hung. */
const outOfTime = (hang: 'hangMail' | 'hangSts') => [hang, 'freeze'] as const;

export async function get(phone: Phone): Promise<void> {
  const { known, number } = phone;
  const expected = known === undefined ? refusal('not_found') : phone.profile('get', known);
  await phone.ask(phone.anyDevice(), 'get', profile({ phone: number, status: 'get' }), [exactly(expected)]);
}

export async function set(phone: Phone): Promise<void> {
  const { rng, contactPhone } = phone.deps;
  const before = phone.known ?? nothingKnown;
  const withRoster = before.hasRoster ? rng.is(0.1) : rng.is(0.9);
  const count = ++phone.count;
  const presence = rng.is(0.5) ? atom(`s${count}`) : [];
  const request = profile({
    phone: phone.number,
    settings: [countSetting(count)],
    rosters: withRoster ? [ownRoster(contactPhone.number)] : [],
    presence,
    status: 'set',
  });
  const known = {
    ...before,
    count,
    hasRoster: before.hasRoster || withRoster,
    presence: isAtom(presence) ? presence : before.presence,
  };
  await phone.ask(phone.anyDevice(), 'set', request, [
    atServerTime(phone, 'set', known, (now) => {
      phone.known = now;
      phone.news.push(now);
    }),
  ]);
}

export async function update(phone: Phone): Promise<void> {
  const { rng, contactPhone } = phone.deps;
  const { known, number } = phone;
  if (known === undefined) {
    const request = profile({ phone: number, update: Date.now(), status: 'update' });
    await phone.ask(phone.anyDevice(), 'update', request, [exactly(refusal('not_found'))]);
    return;
  }
  const time = Math.max(Date.now(), known.update + 1);
  const presence = rng.is(0.8) ? atom(`u${++phone.count}`) : [];
  const next = { ...known, update: time, presence: isAtom(presence) ? presence : known.presence };
  const request = profile({ phone: number, update: time, presence, status: 'update' });
  const due = known.hasRoster
    ? contactPhone.expect(
        `update of ${phone.name} (${number}) to ${time}`,
        ({ phoneId, update: notified, isDeleted }) =>
          // A removal ends it. A move does not: it says only that the former number is deleted.
          isDeleted
            ? phoneId === `${phone.number}_1`
            : phone.numbers.has(phoneId.slice(0, -2)) && notified >= time,
      )
    : undefined;
  try {
    await phone.ask(phone.anyDevice(), 'update', request, [exactly(phone.profile('update', next))]);
  } catch (error) {
    if (due) contactPhone.forget(due);
    throw error;
  }
  phone.known = next;
  // Without its roster it notifies nobody; a repeated older update may still notify all.
  const former = [...phone.formerNews(), ...phone.news];
  if (due) phone.pendingUpdate = { due, former };
  phone.news = due ? [next] : [...phone.news, next];
  if (due && rng.is(0.5)) await received(phone, due.what, () => !contactPhone.isDue(due));
}

export async function link(phone: Phone): Promise<void> {
  const { system, rng, eventLog } = phone.deps;
  const { number } = phone;
  const before = phone.known ?? nothingKnown;
  if (before.services.length >= 8) return get(phone);
  const isTooSoon = performance.now() - phone.linkedAt < 45_000 && rng.is(0.2);
  const { connection, keys } = system.database;
  if (!isTooSoon) {
    await withRetry(() => connection.del(keys.quota(number, 'link')));
    phone.linkedAt = Number.NEGATIVE_INFINITY;
  }
  // Each uses its own domain, because mails to one domain are limited.
  const address = `chaos@${++phone.count}.${phone.name}.example`;
  const request = profile({
    phone: number,
    services: [service({ id: address, type: atom('email') })],
    status: 'link',
  });
  const sentAt = performance.now();
  const outdated = before.services.filter(({ status }) => status === 'added').slice(0, 1 - maxAdded);
  const kept = before.services.filter((each) => !outdated.includes(each));
  const known: Known = { ...before, services: [...kept, { address, status: 'added' }] };
  const isHanging: Possible['isAllowed'] = (exchange) =>
    eventLog.timeline.had(exchange.sentAt - aftermathMs, exchange.answeredAt, outOfTime('hangMail'));
  let isLinked = false;
  const accepted: Possible = {
    ...exactly(success('email_sent')),
    note: () => {
      isLinked = true;
    },
  };
  await phone.ask(phone.anyDevice(), 'link', request, [
    ...(isTooSoon ? [exactly(refusal('too_many_requests'))] : [accepted]),
    { ...exactly(refusal('email_send')), isAllowed: isHanging },
    { ...exactly(refusal('busy')), isAllowed: isHanging },
  ]);
  if (!isLinked) return;
  phone.known = known;
  phone.news.push(known);
  phone.linkedAt = performance.now();
  phone.linked.push({ address, sentAt });
  phone.codes = phone.codes.filter((each) => !outdated.some((service) => service.address === each.address));
  await seeStored(phone, `${address} is added`);
  const mails = phone.deps.mailbox.to(address);
  const code = mails[0]?.code;
  // After two mails it is unknown here which code is valid.
  if (mails.length === 1 && code) phone.codes.push({ address, code, mailedAt: sentAt, wrongTries: 0 });
}

/** Of the addresses that wait for their codes the newest stay in the profile. */
const maxAdded = 5;

const maxTries = 5;
const codeLifetimeMs = 8 * 60_000;

export async function email(phone: Phone): Promise<void> {
  const { rng, system } = phone.deps;
  const { number, known } = phone;
  phone.codes = phone.codes.filter(({ mailedAt }) => performance.now() - mailedAt < codeLifetimeMs);
  const code = phone.codes.at(0);
  if (code === undefined || known === undefined) return get(phone);
  const isRight = rng.is(0.3);
  const tried = isRight ? code.code : String((Number(code.code) + 1) % 1_000_000).padStart(6, '0');
  const request = profile({
    phone: number,
    services: [service({ id: code.address, type: atom('email'), data: text(tried) })],
    status: 'email',
  });
  if (isRight && code.wrongTries < maxTries) {
    await phone.ask(phone.anyDevice(), 'email', request, [exactly(success('verified'))]);
    phone.codes.shift();
    phone.known = {
      ...known,
      services: known.services.map((each) =>
        each.address === code.address ? { ...each, status: 'verified' } : each,
      ),
    };
    phone.news.push(phone.known);
    return seeStored(phone, `${code.address} is verified`);
  }
  await phone.ask(phone.anyDevice(), 'email', request, [exactly(refusal('wrong_code'))]);
  if (isRight) phone.codes.shift();
  else code.wrongTries++;
  const { connection, keys } = system.database;
  const field = `${system.stores.verifications.digest(code.address)}:tries`;
  const tries = Math.min(code.wrongTries, maxTries);
  const isCounted = async () => {
    const counted = await withRetry(() => connection.hget(keys.verify(number), field));
    return Number(counted) === tries;
  };
  await phone.see('twice', `${tries} wrong tries of ${code.address} are counted`, isCounted, code.mailedAt);
}

export async function aws(phone: Phone): Promise<void> {
  const { system, eventLog } = phone.deps;
  const { number } = phone;
  const isFaulty: Possible['isAllowed'] = ({ sentAt, answeredAt }) =>
    eventLog.timeline.had(sentAt - aftermathMs, answeredAt, outOfTime('hangSts'));
  const isIssued = (answer: Term): boolean => {
    const id = issuedId(answer);
    return system.sts.requests().some(({ sessionName, issued }) => {
      return sessionName.includes(number) && issued?.keys.accessKeyId === id;
    });
  };
  const later = success('aws', service({ type: atom('aws'), status: atom('added') }));
  await phone.ask(phone.anyDevice(), 'aws', profile({ phone: number, status: 'aws' }), [
    { fits: (answer) => equal(answer, later) && 'more' },
    { fits: (answer) => issuedId(answer) !== undefined && isIssued(answer) && 'last' },
    { ...exactly(refusal('aws')), isAllowed: isFaulty },
    { ...exactly(refusal('busy')), isAllowed: isFaulty },
  ]);
}

function issuedId(answer: Term): string | undefined {
  if (!(answer instanceof Tuple)) return undefined;
  const data = answer.elements[2];
  if (!(data instanceof Tuple) || !isAtom(data.elements[7], 'verified')) return undefined;
  const id = data.elements[1];
  return id instanceof Uint8Array ? Buffer.from(id).toString() : undefined;
}

export async function phoneWithout(phone: Phone): Promise<void> {
  const { known, number } = phone;
  const request = profile({ phone: number, status: 'phone' });
  await phone.ask(phone.anyDevice(), 'phone', request, [
    exactly(refusal('not_authorized')),
    // A move may be confirmed once more until all are notified.
    ...(known && performance.now() - phone.movedAt < aftermathMs * 3
      ? [exactly(phone.profile('phone', known))]
      : []),
  ]);
}
