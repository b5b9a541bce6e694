import type { Term } from '../src/etf/index.ts';
import { answer, notice, type Step } from './conversation.ts';
import { olena, olenasNew, taras } from './phones.ts';
import { contact, emailService, type ProfileText, profile, roster } from './record-texts.ts';
import type { SmtpSink } from './servers/smtp.ts';
import type { StsServer } from './servers/sts.ts';

const address = 'olena@example.org';
const language = `[{'Feature',[],<<"LANG">>,<<"uk">>,[]}]`;
const olenasRoster = `[${roster(1, 'Olena', contact(`${taras.phone}_7`, 'Taras'))}]`;

/** Olena's stored record, as it is answered. */
const olenas = (status: string, news: ProfileText, phone = olena.phone): string =>
  profile(phone, status, { rosters: olenasRoster, settings: language, balance: '0', ...news });

/** The same once she is online, and before she has linked an address. */
export const olenasWhenOnline = (status: string): string =>
  olenas(status, { update: 'Online', presence: 'online' });

/** Taras's stored record, as it is answered; `entry` is Olena's contact in his roster. */
const tarases = (status: string, update: string, entry: string): string =>
  profile(taras.phone, status, { rosters: tarasRoster(entry), update, balance: '0' });
const tarasRoster = (entry: string): string => `[${roster(7, 'Taras', entry)}]`;

/** The answer to `aws`; the variables have the owner of the credentials in their names. */
const credentials = (names: string): string =>
  `{io,{ok,aws},{'Service',${names}Id,aws,[],${names}Secret,${names}Token,${names}Expiration,verified}}`;

/** After these two steps Olena and Taras have profiles, and each other in their rosters. */
export const introductions: readonly Step[] = [
  {
    about: 'Olena sets her profile, with Taras in her roster',
    by: olena,
    sends: profile(olena.phone, 'set', { rosters: olenasRoster, settings: language }),
    expects: [answer(olena, olenas('set', { update: 'OlenaSet' }))],
    where: { OlenaSet: isNow },
  },
  {
    about: 'Taras sets his, with Olena in his roster',
    by: taras,
    sends: profile(taras.phone, 'set', { rosters: tarasRoster(contact(`${olena.phone}_1`, 'Olena')) }),
    expects: [answer(taras, tarases('set', 'TarasSet', contact(`${olena.phone}_1`, 'Olena')))],
    where: { TarasSet: isNow },
  },
];

/**
 * The whole conversation; a new request needs one more entry below.
 * @param habits - steps of clients in the field, between others.
 */
export function allSteps(smtp: SmtpSink, sts: StsServer, habits: readonly Step[] = []): readonly Step[] {
  return [...reading, ...habits, ...mailing(smtp), ...credentialing(sts), ...leaving];
}

/** Setting, reading and updating profiles. */
export const reading: readonly Step[] = [
  {
    about: 'nobody has set this profile yet',
    by: olena,
    sends: profile(olena.phone, 'get'),
    expects: [answer(olena, '{io,{error,not_found},<<>>}')],
  },
  ...introductions,
  {
    about: 'Olena reads what is stored',
    by: olena,
    sends: profile(olena.phone, 'get'),
    expects: [answer(olena, olenas('get', { update: 'OlenaSet' }))],
  },
  {
    about: 'the profile of somebody else is not to be had',
    by: taras,
    sends: profile(olena.phone, 'get'),
    expects: [answer(taras, '{io,{error,not_authorized},<<>>}')],
  },
  {
    about: 'there is no such request',
    by: taras,
    sends: profile(taras.phone, 'dance'),
    expects: [answer(taras, '{io,{error,invalid_data},<<>>}')],
  },
  {
    about: 'Olena comes online, and Taras is notified',
    by: olena,
    before: () => ({ Online: Date.now() }),
    sends: profile(olena.phone, 'update', { update: 'Online', presence: 'online' }),
    expects: [
      answer(olena, olenasWhenOnline('update')),
      notice(taras, contact(`${olena.phone}_1`, 'Olena', { update: 'Online', presence: 'online' })),
    ],
  },
];

const mailing = (smtp: SmtpSink): readonly Step[] => [
  {
    about: 'Olena links her e-mail address; a code is mailed to it',
    by: olena,
    sends: profile(olena.phone, 'link', { services: `[${emailService(address, '[]', '[]')}]` }),
    expects: [answer(olena, '{io,{ok,email_sent},<<>>}')],
  },
  {
    about: 'a wrong code confirms nothing',
    by: olena,
    before: () => mailedCode(smtp),
    sends: profile(olena.phone, 'email', { services: `[${emailService(address, 'WrongCode', '[]')}]` }),
    expects: [answer(olena, '{io,{error,wrong_code},<<>>}')],
  },
  {
    about: 'the code from the mail does',
    by: olena,
    sends: profile(olena.phone, 'email', { services: `[${emailService(address, 'Code', '[]')}]` }),
    expects: [answer(olena, '{io,{ok,verified},<<>>}')],
  },
  {
    about: 'the address now stands in her profile',
    by: olena,
    sends: profile(olena.phone, 'get'),
    expects: [
      answer(
        olena,
        olenas('get', {
          services: `[${emailService(address, '[]', 'verified')}]`,
          update: 'Online',
          presence: 'online',
        }),
      ),
    ],
  },
];

/** What a worker may answer first to each `aws` that takes over a second. On a busy machine any may, also of kept credentials. */
const comesLater = `{io,{ok,aws},{'Service',[],aws,[],[],[],[],added}}`;

const credentialing = (sts: StsServer): readonly Step[] => [
  {
    about: 'Olena asks for AWS credentials',
    by: olena,
    sends: profile(olena.phone, 'aws'),
    expects: [answer(olena, credentials('Olenas'))],
    allows: [answer(olena, comesLater)],
    where: issuedCredentials(sts, 'Olenas', olena.phone),
  },
  {
    about: 'they are the same as long as they are valid',
    by: olena,
    sends: profile(olena.phone, 'aws'),
    expects: [answer(olena, credentials('Olenas'))],
    allows: [answer(olena, comesLater)],
  },
  {
    about: 'STS takes its time: Taras gets a notice at once that his are on the way',
    by: taras,
    before: () => {
      sts.mode('slow', slowStsMs);
      return {};
    },
    sends: profile(taras.phone, 'aws'),
    expects: [answer(taras, comesLater), answer(taras, credentials('Taras'))],
    where: issuedCredentials(sts, 'Taras', taras.phone),
    after: () => sts.mode('success'),
  },
];

/** Moving to another number, and removing the profile. */
export const leaving: readonly Step[] = [
  {
    about: 'Olena has a new number, and asks to move to it',
    by: olena,
    sends: profile(olenasNew.phone, 'migrate', { update: 'Online' }),
    expects: [answer(olena, '{io,{ok,migration},<<>>}')],
  },
  {
    about:
      'her new phone confirms; all her devices have her profile, Taras gets her new number for the old one',
    by: olenasNew,
    sends: profile(olenasNew.phone, 'phone'),
    expects: [
      ...[olenasNew, olena].map((device) =>
        answer(
          device,
          olenas(
            'phone',
            { services: `[${emailService(address, '[]', 'verified')}]`, update: 'Moved', presence: 'online' },
            olenasNew.phone,
          ),
        ),
      ),
      notice(
        taras,
        contact(`${olena.phone}_1`, 'Olena', { update: 'Online', presence: 'online', status: 'deleted' }),
      ),
      notice(taras, contact(`${olenasNew.phone}_1`, 'Olena', { update: 'Online', presence: 'online' })),
    ],
    where: { Moved: isNow },
  },
  {
    about: 'Taras has her under the new number only',
    by: taras,
    sends: profile(taras.phone, 'get'),
    expects: [
      answer(
        taras,
        tarases(
          'get',
          'TarasSet',
          contact(`${olenasNew.phone}_1`, 'Olena', { update: 'Online', presence: 'online' }),
        ),
      ),
    ],
  },
  {
    about: 'Olena removes her profile; all her devices and Taras are notified',
    by: olenasNew,
    sends: profile(olenasNew.phone, 'remove'),
    expects: [
      answer(olenasNew, profile(olenasNew.phone, 'remove', { update: '0', balance: '0' })),
      answer(olena, profile(olenasNew.phone, 'remove', { update: '0', balance: '0' })),
      notice(
        taras,
        contact(`${olenasNew.phone}_1`, 'Olena', { update: 'Online', presence: 'online', status: 'deleted' }),
      ),
    ],
  },
  {
    about: 'with the profile her sessions have gone',
    by: olenasNew,
    sends: profile(olenasNew.phone, 'get'),
    expects: [answer(olenasNew, '{io,{error,not_authorized},<<>>}')],
  },
];

/** Longer than a worker waits before it answers that credentials were requested. */
const slowStsMs = 1500;

function isNow(time: Term): boolean {
  return typeof time === 'number' && Math.abs(time - Date.now()) < 60_000;
}

/** Reads the code in the newest mail to the address, and makes a wrong one. */
async function mailedCode(smtp: SmtpSink): Promise<{ Code: Term; WrongCode: Term }> {
  const mail = await smtp.waitForMail(({ to }) => to.includes(address), 60_000);
  const code = /\b\d{6}\b/.exec(mail.text)?.[0] ?? '';
  const wrong = code.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
  return { Code: Buffer.from(code), WrongCode: Buffer.from(wrong) };
}

/** Checks that the credentials are the last ones of STS, for a session that is named after the phone. */
function issuedCredentials(sts: StsServer, names: string, phone: string): Step['where'] {
  const is =
    (read: (call: ReturnType<StsServer['requests']>[number]) => string | undefined) => (term: Term) => {
      const call = sts.requests().findLast(({ sessionName }) => sessionName.includes(phone));
      return call !== undefined && term instanceof Uint8Array && Buffer.from(term).toString() === read(call);
    };
  return {
    [`${names}Id`]: is(({ issued }) => issued?.keys.accessKeyId),
    [`${names}Secret`]: is(({ issued }) => issued?.keys.secretAccessKey),
    [`${names}Token`]: is(({ issued }) => issued?.keys.sessionToken),
    [`${names}Expiration`]: (term) => term === sts.requests().at(-1)?.issued?.expiration,
  };
}
