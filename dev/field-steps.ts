import { answer, type Step } from './conversation.ts';
import { type Device, devices, olena } from './phones.ts';
import { profile } from './record-texts.ts';
import { olenasWhenOnline } from './steps.ts';

/** How a client in the field logs in. */
export interface FieldLogins {
  /** Logs in as `api` with the device's token; ends its last connection. */
  logIn(device: Device): Promise<void>;
  /** @throws ConversationFault when the broker lets the device in with another token. */
  failToLogIn(device: Device): Promise<void>;
}

/** What clients in the field do first: they log in, and wait for a profile. */
export const logins = ({ logIn, failToLogIn }: FieldLogins): readonly Step[] => [
  {
    about: 'with another token than its own nobody is let in',
    by: olena,
    before: () => nothing(failToLogIn(olena)),
    expects: [],
  },
  ...devices.map((device) => ({
    about: `${device.client} logs in as api, and gets a first profile unasked`,
    by: device,
    before: () => nothing(logIn(device)),
    expects: [answer(device, '{io,{error,not_found},<<>>}')],
  })),
];

/** Other habits, once Olena is online. */
export const habits = ({ logIn }: FieldLogins): readonly Step[] => [
  {
    about: 'a request without a phone means that of the session',
    by: olena,
    sends: profile('', 'get'),
    expects: [answer(olena, olenasWhenOnline('get'))],
  },
  {
    about: 'Olena logs in again, and gets what is stored',
    by: olena,
    before: () => nothing(logIn(olena)),
    expects: [answer(olena, olenasWhenOnline('init'))],
  },
];

async function nothing(done: Promise<void>): Promise<Record<string, never>> {
  await done;
  return {};
}
