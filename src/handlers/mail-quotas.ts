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
async function take(
  request: RecordedRequest,
  context: Context,
  address: string,
  isRepeated: boolean,
): Promise<MailSlots | NoSlot> {
  const { phone, ref } = request;
  const { quotas, verifications } = context;
  const standing = await verifications.check(phone, address);
  if (standing === 'too_many_requests') return standing;

  const wanted: [Quota, string][] = [[codesOfPhone, phone]];
  // Whose address it is has places of its own, those of the phone: strangers can't use them up.
  if (standing !== 'yours' && !hasVerified(request, address)) {
    wanted.push([codesOfMailbox, verifications.digest(mailboxOf(address))]);
    if (!(await verifications.isOfLargeDomain(address)))
      wanted.push([codesOfDomain, verifications.digest(domainOf(address))]);
  }
  wanted.push([attemptsOfPhone, phone]);
  const slots: QuotaSlot[] = [];
  for (const [limit, tag] of wanted) {
    const slot = await quotas.acquire(limit, tag, ref, isRepeated);
    if (typeof slot === 'string') {
      await Promise.all(slots.map((taken) => taken.release()));
      return slot;
    }
    slots.push(slot);
  }
  const ofAttempt = slots.pop() as QuotaSlot;
  return { ofMail: slots, ofAttempt, takenAt: async () => (await slots[0]?.takenAt()) ?? 0 };
}

/** Whether the profile has the address as a verified service. */
function hasVerified({ stored }: Request, address: string): boolean {
  const services = readServices(stored?.services ?? unset) ?? [];
  return services.some(
    (service) =>
      readAtom(service.status) === 'verified' && addressOf(service)?.toLowerCase() === address.toLowerCase(),
  );
}
