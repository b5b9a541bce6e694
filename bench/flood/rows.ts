/** The rows of `npm run flood`: what an attacker does, one resource each. docs/threats.md has a line for each. */
import type { Services } from '../../dev/servers/services.ts';
import { badPayloads } from '../../tests/harness/bad-payloads.ts';
import { feature } from '../../tests/harness/terms.ts';
import type { DeviceOptions } from '../load/device.ts';
import { publishPacket } from '../packets.ts';
import type { Attacker, Pace } from './attacker.ts';
import {
  deepSettings,
  largeParts,
  linkTo,
  longGet,
  many,
  request,
  strangers,
  wideSettings,
  zippedServices,
} from './payloads.ts';
import { type Session, topicOf } from './session.ts';

export interface Row {
  readonly name: string;
  /** What is done, for the table. */
  readonly does: string;
  /** How many attackers; default 1. */
  readonly clients?: number;
  /** What authenticates clients; default `broker`. */
  readonly identity?: 'token';
  /** How each attacker connects. */
  readonly connect?: Partial<DeviceOptions>;
  /** What the foreign services do while it runs. */
  readonly services?: (services: Services) => void;
  /** Done for each attacker before the time without load is measured. */
  readonly prepare?: (attacker: Attacker) => Promise<void>;
  /** Begins; the attacker's `stop` ends it. */
  readonly start: (attacker: Attacker, victims: readonly Session[]) => void;
}

/** The default limit of requests, used up. */
const allAllowed = { burst: 500, perSecond: 50 };

/** Of each of ten: together they begin with no more than one client may. */
const tenAllowed = { burst: 50, perSecond: 50 };

/** Sends one request as often as the limit lets in. */
const repeat =
  (payloadOf: (phone: string) => Buffer, pace: Pace = allAllowed) =>
  (attacker: Attacker): void =>
    attacker.pace([attacker.request(payloadOf(attacker.session.phone))], pace);

/** Stores as large a profile as is let in: 2.3 MB without a quota. */
async function fill(attacker: Attacker): Promise<void> {
  for (const part of largeParts)
    for (const bytes of [1_000_000, 500_000, 240_000, 40_000])
      if (await attacker.store(part(attacker.session.phone, bytes))) break;
}

const count: Row = {
  name: 'count',
  does: 'get 2,000 times a second, forty times the limit',
  start: (attacker) =>
    attacker.pace([attacker.request(request(attacker.session.phone, 'get'), 0)], { perSecond: 2_000 }),
};

const zipped: Row = {
  name: 'zipped',
  does: 'set of 500 bytes that become 7,000 services: 500 at once, then 50/s',
  start: repeat(zippedServices),
};

const deep: Row = {
  name: 'deep',
  does: 'set of 65,000 elements, 60 levels deep: 500 at once, then 50/s',
  start: repeat(deepSettings),
};

const wide: Row = {
  name: 'wide',
  does: 'set of 8,000 settings, 240 KB: 500 at once, then 50/s',
  start: repeat(wideSettings),
};

const bytesRead: Row = {
  name: 'bytes-read',
  does: 'get of 256 KiB: 500 at once, then 50/s',
  start: repeat(longGet),
};

const unread: Row = {
  name: 'unread',
  does: 'get of the largest profile it could store, and no answer read: 500 at once, then 50/s',
  prepare: fill,
  start(attacker) {
    attacker.pause();
    repeat((phone) => request(phone, 'get'))(attacker);
  },
};

const fanOut: Row = {
  name: 'fan-out',
  does: 'update to 4,000 strangers: 500 at once, then 50/s',
  async prepare(attacker) {
    await attacker.store(strangers(attacker.session.phone, 4_000));
  },
  start: repeat((phone) => request(phone, 'update')),
};

const sts: Row = {
  name: 'sts',
  does: 'aws while STS hangs, ten phones: together 500 at once, then 500/s',
  clients: 10,
  services: (services) => services.sts.mode('hang'),
  start: repeat((phone) => request(phone, 'aws'), tenAllowed),
};

const mail: Row = {
  name: 'mail',
  does: 'link of ever other addresses while the mail server hangs, ten phones: together 500 at once, then 500/s',
  clients: 10,
  services: (services) => services.smtp.hang(true),
  start(attacker) {
    const { phone } = attacker.session;
    const packets = many(500, (n) => attacker.request(linkTo(phone, `a${n}-${phone}@d${n}.example.org`)));
    attacker.pace(packets, tenAllowed);
  },
};

const wrongTokens: Row = {
  name: 'wrong-tokens',
  does: 'wrong tokens for its neighbours and for nobody, ten clients: each 200/s',
  clients: 10,
  identity: 'token',
  start(attacker, victims) {
    const nobodies = many(20, (n) => ({ client: `nobody-${n}`, phone: '380500000000' }));
    const packets = [...victims, ...nobodies].map(({ client, phone }) =>
      publishPacket(topicOf({ client, token: 'wrong' }), request(phone, 'get')),
    );
    attacker.pace(packets, { perSecond: 200 });
  },
};

const retained: Row = {
  name: 'retained',
  does: 'retained publishes of 1 MB to ever new topics under events/: 30/s',
  start(attacker) {
    const payload = Buffer.alloc(1_000_000, 'x');
    const topics = many(500, (n) => `events/1/node-${n}/api/anon//`);
    // Made as they are sent: together they would take the memory of this process.
    attacker.each({ perSecond: 30 }, (n) =>
      attacker.send(publishPacket(topics[n % topics.length] ?? '', payload, { retain: true })),
    );
  },
};

const will: Row = {
  name: 'will',
  does: 'connections that break off, their wills 60 KB, retained or an update, in turn; ten clients, together 20/s',
  clients: 10,
  start(attacker) {
    const filler = { settings: [feature('filler', Buffer.alloc(60_000, 'x'))] };
    const payload = request(attacker.session.phone, 'update', filler);
    attacker.each({ perSecond: 2 }, (n) => {
      const topic = `events/1/will-${n}/api/anon/${attacker.session.client}/`;
      void attacker.connectAgain({ will: { topic, payload, retain: n % 2 === 0 } });
    });
  },
};

const poison: Row = {
  name: 'poison',
  does: 'all payloads that are known to be bad, topics of 60 KB, and get of the largest profile, in turn: 500 at once, then 50/s',
  prepare: fill,
  start(attacker) {
    const { phone } = attacker.session;
    const bad = Object.values(badPayloads).map((make) => attacker.request(make(phone)));
    const get = request(phone, 'get');
    const long = publishPacket(`events/1/${'n'.repeat(60_000)}/api/anon//`, get);
    attacker.pace([attacker.request(get), long, ...bad], allAllowed);
  },
};

/** Does nothing; the row shows how far two calms differ on this machine, and has no goals. */
export const control: Row = {
  name: 'control',
  does: 'nothing: how far two calms differ on this machine',
  start: () => undefined,
};

export const rows: readonly Row[] = [
  ...[count, zipped, deep, wide, bytesRead, unread, fanOut],
  ...[sts, mail, wrongTokens, retained, will, poison],
];

/** @throws Error when there is no such row. */
export function rowNamed(name: string): Row {
  const row = [control, ...rows].find((candidate) => candidate.name === name);
  if (row === undefined)
    throw new Error(`there is no row ${name}: ${rows.map((one) => one.name).join(', ')}`);
  return row;
}
