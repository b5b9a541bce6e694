import type { Fragment } from '../etf/index.ts';
import { type Steps, slices } from '../lib/slices.ts';
import { settingValue } from '../protocol/feature.ts';
import { readAtom, readText, unset } from '../protocol/fields.ts';
import { writeList } from '../protocol/list.ts';
import { addressOf, readServices, readServicesInSteps, withEmail } from '../protocol/service.ts';
import { parseEmailAddress } from '../services/mail/email-address.ts';
import type { StoredProfile } from '../store/profiles.ts';
import { codeLifetimeSeconds } from '../store/verifications.ts';
import type { Context, RecordedHandler } from './handler.ts';
import { takePlaces } from './mail-quotas.ts';
import { type RecordedRequest, refuse, refuseOrReplay, succeed } from './outcome.ts';
import { changeOwnProfile } from './own-profile.ts';

/**
 * `link`: mail a six-digit code to the address in the first `email` service.
 *
 * Keeps   a keyed hash of the code for 10 minutes and the service as `added`, in one step once the mail is accepted;
 *         nothing, not even the place in the limits, if it is refused; but the attempt counts.
 * Answers `{io,{ok,email_sent},<<>>}` once the mail server has accepted the mail.
 * Refuses `invalid_data`, `invalid_email`, `too_large`, `too_many_requests`, `email_send`, `busy`; `not_authorized` if the profile was
 *         removed or has moved to another phone while the mail was under way.
 * @see docs/protocol.md, "link"
 */
export const link: RecordedHandler = {
  async handle(request, context) {
    const services = readServices(request.sent.services);
    if (services === undefined) return refuse('invalid_data');
    const service = services.find(({ type }) => type === 'email' || type === undefined);
    const address = parseEmailAddress((service && addressOf(service)) ?? '');
    if (address === undefined) return refuse('invalid_email');
    if (context.mail === undefined) return refuse('email_send');
    // Before the mail, and once more with the change: a code that cannot be kept is not mailed.
    const added = await slices.run(withAdded(request.stored, address));
    if (context.profiles.isTooLargeWith(request.stored, added)) return refuse('too_large');

    const slots = await takePlaces(request, context, address);
    if (slots === 'too_many_requests') return refuse(slots);
    const named = context.verifications.newCode(request.ref, address, await slots.takenAt());
    const mailed = await mailCode(request, context, { to: address, ...named });
    if (mailed !== 'accepted') {
      const unused = mailed === 'busy' ? [...slots.ofMail, slots.ofAttempt] : slots.ofMail;
      await Promise.all(unused.map((slot) => slot.release()));
      return mailed === 'busy' ? refuse(mailed) : { ...refuse(mailed), outsideCalls: 1 };
    }
    const kept = await keepCode(request, context, { to: address, ...named });
    return typeof kept === 'string' ? refuseOrReplay(kept) : { ...succeed('email_sent'), outsideCalls: 1 };
  },
  replay: () => succeed('email_sent'),
};

interface Code {
  readonly to: string;
  readonly code: string;
  readonly messageId: string;
}

async function mailCode({ phone, stored }: RecordedRequest, { mail, mailLimiter }: Context, named: Code) {
  const message = {
    ...named,
    language: languageOf(stored),
    validMinutes: codeLifetimeSeconds / 60,
  };
  const sent = await mailLimiter.run(async () => mail?.sendCode(message), phone);
  if (sent === 'queue_full') return 'busy';
  return sent === 'accepted' ? sent : 'email_send';
}

function keepCode(request: RecordedRequest, context: Context, { to, code }: Code) {
  return changeOwnProfile<never>(request, context, 'email_sent', async (before) => ({
    services: await slices.run(withAdded(before, to)),
    code: context.verifications.mailed(request.phone, to, code),
  }));
}

function* withAdded(profile: StoredProfile | undefined, address: string): Steps<Fragment> {
  const services = yield* readServicesInSteps(profile?.services ?? unset);
  return writeList(withEmail(services ?? [], address, 'added'));
}

/** The language that the profile's `LANG` setting names. */
function languageOf(stored: StoredProfile | undefined): string | undefined {
  const value = settingValue(stored?.settings ?? unset, 'LANG');
  return value && (readText(value) ?? readAtom(value));
}
