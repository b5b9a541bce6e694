import { readAtom, unset } from '../protocol/fields.ts';
import { domainOf, mailboxOf } from '../protocol/mailbox.ts';
import { addressOf, readServices } from '../protocol/service.ts';
import type { NoSlot, Quota, QuotaSlot } from '../store/quotas.ts';
import type { Context } from './handler.ts';
import type { RecordedRequest, Request } from './outcome.ts';

const hourMs = 60 * 60_000;

/** New codes for one phone. */
const codesOfPhone: Quota = { name: 'link', max: 5, windowMs: hourMs, minGapMs: 60_000 };

/** New codes for one mailbox, over all phones that have never confirmed the address. */
const codesOfMailbox: Quota = { name: 'address', max: 10, windowMs: hourMs, minGapMs: 0 };

/**
 * New codes for one domain, over all such phones: a domain may deliver whatever local part to one mailbox.
 * Domains with many users have none, as a few strangers would keep all of these out.
 */
const codesOfDomain: Quota = { name: 'domain', max: 100, windowMs: hourMs, minGapMs: 0 };

/** Mails of one phone that are handed to a mail server, also those that it refuses: else it could be asked without end. */
const attemptsOfPhone: Quota = { name: 'mails', max: 30, windowMs: hourMs, minGapMs: 0 };

/** The slots of one mail. */
export interface MailSlots {
  /** Released if the mail server refuses the mail. */
  readonly ofMail: readonly QuotaSlot[];
  /** Released only if no mail server was asked. */
  readonly ofAttempt: QuotaSlot;
  /** When the request has first taken its place among the codes of its phone; see `QuotaSlot`. */
  takenAt(): Promise<number>;
}

/** Take a place in each limit that a mail to the address counts in, or in none. */
export async function takePlaces(
  request: RecordedRequest,
  context: Context,
  address: string,
): Promise<MailSlots | 'too_many_requests'> {
  const { delivery } = request;
  const slots = await take(request, context, address, delivery.redelivered);
  if (slots !== 'taken') return slots;
  if (await delivery.isStillOwned()) return 'too_many_requests';
  // Another worker took over this one's session, and has taken the slot for this very request.
  const repeated = await take(request, context, address, true);
  return repeated === 'taken' ? 'too_many_requests' : repeated;
}

/** @param isRepeated - whether a slot that the request took before is still its own. */
async function take(request: RecordedRequest, context: Context, address: string, isRepeated: boolean) {
  const taken: QuotaSlot[] = [];
  const slots = await takeEach(request, context, address, async (quota, tag) => {
    const slot = await context.quotas.acquire(quota, tag, request.ref, isRepeated);
    if (typeof slot !== 'string') taken.push(slot);
    return slot;
  });
  if (typeof slots === 'string') await Promise.all(taken.map((slot) => slot.release()));
  return slots;
}

async function takeEach(
  request: RecordedRequest,
  { verifications }: Context,
  address: string,
  acquire: (quota: Quota, tag: string) => Promise<QuotaSlot | NoSlot>,
): Promise<MailSlots | NoSlot> {
  const { phone } = request;
  // The limit of the phone comes first: it refuses nearly all that are refused.
  const ofPhone = await acquire(codesOfPhone, phone);
  if (typeof ofPhone === 'string') return ofPhone;
  const standing = await verifications.check(phone, address);
  if (standing === 'too_many_requests') return standing;
  const ofMail = [ofPhone];
  // Whose address it is has places of its own, those of the phone: strangers can't use them up.
  if (standing !== 'yours' && !hasVerified(request, address)) {
    const limits = [[codesOfMailbox, mailboxOf(address)] as const];
    if (!(await verifications.isOfLargeDomain(address))) limits.push([codesOfDomain, domainOf(address)]);
    for (const [quota, tag] of limits) {
      const slot = await acquire(quota, verifications.digest(tag));
      if (typeof slot === 'string') return slot;
      ofMail.push(slot);
    }
  }
  const ofAttempt = await acquire(attemptsOfPhone, phone);
  if (typeof ofAttempt === 'string') return ofAttempt;
  return { ofMail, ofAttempt, takenAt: () => ofPhone.takenAt() };
}

/** Whether the profile has the address as a verified service. */
function hasVerified({ stored }: Request, address: string): boolean {
  const services = readServices(stored?.services ?? unset) ?? [];
  return services.some(
    (service) =>
      readAtom(service.status) === 'verified' && addressOf(service)?.toLowerCase() === address.toLowerCase(),
  );
}
