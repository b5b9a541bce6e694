import { readAtom, unset } from '../protocol/fields.ts';
import { domainOf, mailboxOf } from '../protocol/mailbox.ts';
import { addressOf, readServices } from '../protocol/service.ts';
import type { Limit, Place } from '../store/quotas.ts';
import type { Means } from './handler.ts';
import type { Request } from './outcome.ts';

const hourMs = 60 * 60_000;

/** New codes for one phone. */
const codesOfPhone: Limit = { name: 'link', most: 5, windowMs: hourMs, apartMs: 60_000 };

/** New codes for one mailbox, over all phones that have never confirmed the address. */
const codesOfMailbox: Limit = { name: 'address', most: 10, windowMs: hourMs, apartMs: 0 };

/**
 * New codes for one domain, over all such phones: a domain may deliver whatever local part to one mailbox.
 * Domains with many users have none, as a few strangers would keep all of these out.
 */
const codesOfDomain: Limit = { name: 'domain', most: 100, windowMs: hourMs, apartMs: 0 };

/** Take a place in each limit that a mail to the address counts in, or in none. */
export async function takePlaces(
  request: Request,
  means: Means,
  address: string,
): Promise<readonly Place[] | 'too_many_requests'> {
  const places = await take(request, means, address);
  if (places !== 'too_many_requests' || request.again || (await request.isOurs())) return places;
  // We were taken for dead, and in the way is the place that our heir took for this very request.
  return take({ ...request, again: true }, means, address);
}

async function take(request: Request, means: Means, address: string) {
  const { phone, key, again } = request;
  const { limits, verifications } = means;
  const standing = await verifications.check(phone, address);
  if (standing === 'too_many_requests') return standing;

  const wanted: [Limit, string][] = [[codesOfPhone, phone]];
  // Whose address it is has places of its own, those of the phone: strangers can't use them up.
  if (standing !== 'yours' && !hasVerified(request, address)) {
    wanted.push([codesOfMailbox, verifications.digest(mailboxOf(address))]);
    if (!(await verifications.isOfLargeDomain(address)))
      wanted.push([codesOfDomain, verifications.digest(domainOf(address))]);
  }
  const places: Place[] = [];
  for (const [limit, tag] of wanted) {
    const place = await limits.reserve(limit, tag, { key, again });
    if (place === 'too_many_requests') {
      await Promise.all(places.map((taken) => taken.release()));
      return place;
    }
    places.push(place);
  }
  return places;
}

/** Whether the profile has the address as a verified service. */
function hasVerified({ stored }: Request, address: string): boolean {
  const services = readServices(stored?.services ?? unset) ?? [];
  return services.some(
    (service) =>
      readAtom(service.status) === 'verified' && addressOf(service)?.toLowerCase() === address.toLowerCase(),
  );
}
