import type { Fragment } from '../etf/index.ts';
import { slices } from '../lib/slices.ts';
import { isUnset, readInteger, readText } from '../protocol/fields.ts';
import { writeList } from '../protocol/list.ts';
import {
  addressOf,
  readServices,
  readServicesInSteps,
  type Service,
  withEmail,
} from '../protocol/service.ts';
import { parseEmailAddress } from '../services/mail/email-address.ts';
import { untilUnchanged } from '../store/until-unchanged.ts';
import type { RecordedHandler } from './handler.ts';
import { refuse, refuseOrReplay, succeed } from './outcome.ts';

/**
 * `email`: confirm an address with the code that was mailed to it.
 *
 * Answers `{io,{ok,verified},<<>>}`; the service becomes `verified`, the code is used up.
 * Refuses `wrong_code`, not telling whether it is wrong, expired, burnt by five wrong tries or ten in a day, or was never
 *         asked for; `invalid_data` if `services` is no list of services; `too_large` beyond the profile's quota, and then the code is still good.
 * @see docs/protocol.md, "email"
 */
export const email: RecordedHandler = {
  async handle(request, { profiles, verifications }) {
    const { sent, phone, ref, stored } = request;
    const services = readServices(sent.services);
    if (services === undefined) return refuse('invalid_data');
    const service = services.find((each) => addressOf(each) !== undefined);
    const address = parseEmailAddress((service && addressOf(service)) ?? '');
    const code = service && codeOf(service);
    if (address === undefined || code === undefined) return refuse('wrong_code');

    const read = () => profiles.read(phone);
    return untilUnchanged(stored, read, async (profile) => {
      if (profile === undefined) return refuse('wrong_code');
      const before = await slices.run(readServicesInSteps(profile.services));
      const verified = writeList(withEmail(before ?? [], address, 'verified'));
      if (profiles.isTooLargeWith(profile, verified)) return refuse('too_large');
      const answer = await verifications.confirm(ref, { address, code }, profile.version, verified);
      if (answer === 'verified') return succeed(answer);
      return answer === 'changed' ? answer : refuseOrReplay(answer);
    });
  },
  replay: (_request, word) => (word === 'verified' ? succeed(word) : refuse('wrong_code')),
};

/** The code stands in `data`, or in `password`: six digits as a binary, a list of characters or an integer. */
function codeOf({ data, password }: Service): string | undefined {
  return readCode(isUnset(data) ? password : data);
}

function readCode(fragment: Fragment): string | undefined {
  const number = isUnset(fragment) ? undefined : readInteger(fragment);
  const text = typeof number === 'number' ? String(number).padStart(6, '0') : readText(fragment);
  return text !== undefined && /^\d{6}$/.test(text) ? text : undefined;
}
