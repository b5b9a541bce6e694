import { randomInt, randomUUID } from 'node:crypto';
import { parseEmailAddress } from '../outside/email-address.ts';
import { featureValue, readFeatures } from '../records/feature.ts';
import { readAtom, readText, unset } from '../records/fields.ts';
import { writeList } from '../records/list.ts';
import { addressOf, readServices, withEmail } from '../records/service.ts';
import type { Limit } from '../store/limits.ts';
import type { StoredProfile } from '../store/profiles.ts';
import { codeLifetimeSeconds } from '../store/verifications.ts';
import type { Handler, Means } from './handler.ts';
import { type Request, refuse, succeed } from './outcome.ts';
import { changeOwnProfile } from './own-profile.ts';

const hourMs = 60 * 60_000;

/** New codes for one phone. */
const codesOfPhone: Limit = { name: 'link', most: 5, windowMs: hourMs, apartMs: 60_000 };

/** New codes for one address, over all phones. */
const codesOfAddress: Limit = { name: 'address', most: 10, windowMs: hourMs, apartMs: 0 };

/**
 * `link`: mail a six-digit code to the address in the first `email` service.
 *
 * Keeps   a keyed hash of the code for 10 minutes and the service as `added`, in one step once the mail is accepted;
 *         nothing, not even the place in the limits, if it is refused.
 * Answers `{io,{ok,email_sent},<<>>}` once the mail server has accepted the mail.
 * Refuses `invalid_data`, `invalid_email`, `too_many_requests`, `email_send`, `busy`; `not_authorized` if the profile was
 *         removed or has moved to another phone while the mail was under way.
 * @see docs/protocol.md, "link"
 */
export const link: Handler = async (request, means) => {
  if (request.done !== undefined) return succeed('email_sent');
  const services = readServices(request.sent.services);
  if (services === undefined) return refuse('invalid_data');
  const service = services.find(({ type }) => type === 'email' || type === undefined);
  const address = parseEmailAddress((service && addressOf(service)) ?? '');
  if (address === undefined) return refuse('invalid_email');
  if (means.mail === undefined) return refuse('email_send');

  const places = await reserve(request, means, address);
  if (places === 'too_many_requests') return refuse(places);
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  const mailed = await mailCode(request, means, { to: address, code });
  if (mailed !== 'accepted') {
    await Promise.all(places.map((place) => place.release()));
    return refuse(mailed);
  }
  const kept = await keepCode(request, means, { to: address, code });
  return kept === 'not_authorized' ? refuse(kept) : succeed('email_sent');
};

interface Code {
  readonly to: string;
  readonly code: string;
}

/** Take a place in both limits, or in none. */
async function reserve(request: Request, means: Means, address: string) {
  const places = await take(request, means, address);
  if (places !== 'too_many_requests' || request.again || (await request.isOurs())) return places;
  // We were taken for dead, and in the way is the place that our heir took for this very request.
  return take({ ...request, again: true }, means, address);
}

async function take({ phone, key, again }: Request, { limits, verifications }: Means, address: string) {
  const ofPhone = await limits.reserve(codesOfPhone, phone, { key, again });
  if (ofPhone === 'too_many_requests') return ofPhone;
  // Most mail servers take ANN@ for ann@: one mailbox must not have a limit for each way to write it.
  const mailbox = verifications.digest(address.toLowerCase());
  const ofAddress = await limits.reserve(codesOfAddress, mailbox, { key, again });
  if (ofAddress !== 'too_many_requests') return [ofPhone, ofAddress];
  await ofPhone.release();
  return ofAddress;
}

async function mailCode({ stored }: Request, { mail, mailLane }: Means, { to, code }: Code) {
  const message = {
    to,
    code,
    language: languageOf(stored),
    messageId: randomUUID(),
    validMinutes: codeLifetimeSeconds / 60,
  };
  const sent = await mailLane.run(async () => mail?.sendCode(message));
  if (sent === 'full') return 'busy';
  return sent === 'accepted' ? sent : 'email_send';
}

function keepCode(request: Request, means: Means, { to, code }: Code) {
  return changeOwnProfile(request, means, 'email_sent', (before) => ({
    services: writeList(withEmail(readServices(before?.services ?? unset) ?? [], to, 'added')),
    code: means.verifications.mailed(request.phone, to, code),
  }));
}

/** The language that the profile's `LANG` setting names. */
function languageOf(stored: StoredProfile | undefined): string | undefined {
  const setting = readFeatures(stored?.settings ?? unset)?.find(({ key }) => key === 'LANG');
  const value = setting && featureValue(setting);
  return value && (readText(value) ?? readAtom(value));
}
