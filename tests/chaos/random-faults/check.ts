/** The final checks: whether the stores match the phones' knowledge, and what was counted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { decodeFragment, equal, isAtom, print, type Term, Tuple } from '../../../src/etf/index.ts';
import { withRetry } from '../../../src/store/redis/retry.ts';
import type { EventLog, Sample } from './event-log.ts';
import type { Load } from './load.ts';
import type { Mailbox } from './mailbox.ts';
import type { Phone } from './phones.ts';
import type { System } from './system.ts';

/** Compares the stored data with the known data, and looks for data that should be gone. */
export async function inspect(system: System, load: Load, eventLog: EventLog): Promise<void> {
  for (const contact of load.contacts) {
    for (const end = performance.now() + 30_000; contact.due.length > 0 && performance.now() < end; )
      await sleep(50);
    for (const due of contact.due) eventLog.differs('notice', `${due.what}: no notice came`, due.since);
  }
  for (const phone of load.phones) {
    for (const what of await remaining(() => differences(phone, system)))
      eventLog.differs('store', `${phone.name}: ${what}`, phone.since);
  }
  // It is unknown when the remaining data should have been removed.
  for (const key of await remaining(() => strangers(system, load)))
    eventLog.differs('store', `${key} is left`, 0);
}

/** What is still wrong when the work is done: a redelivered request and a fan-out may end after the last answer. */
async function remaining(look: () => Promise<string[]>): Promise<string[]> {
  for (const end = performance.now() + 30_000; ; await sleep(200)) {
    const found = await look();
    if (found.length === 0 || performance.now() > end) return found;
  }
}

async function differences(phone: Phone, { database, stores }: System): Promise<string[]> {
  const { connection, keys } = database;
  const { number, known, devices } = phone;
  const found: string[] = [];
  const stored = await phone.stored();
  const expected = known && phone.profile('get', known);
  const isAlike = stored && expected ? equal(stored, expected) : stored === expected;
  if (!isAlike) found.push(`stored is ${stored && print(stored)}, known is ${expected && print(expected)}`);
  const clients = devices.map(({ client }) => client).sort();
  const active = (await stores.sessions.active(number)).sort();
  if (active.join() !== clients.join()) found.push(`the sessions of ${number} are ${active}`);
  const { contactPhone } = phone.deps;
  const entry = await withRetry(() =>
    connection.hgetBuffer(keys.contacts(contactPhone.number), `1:${number}_1`),
  );
  const problem = entry ? entryProblem(phone, decodeFragment(entry)) : 'there is no entry';
  if (problem) found.push(`in the roster of its contact: ${problem}`);
  return found;
}

function entryProblem({ news, isDeletedAtContact }: Phone, entry: Term): string | undefined {
  if (!(entry instanceof Tuple)) return 'the entry is no contact';
  const { 11: update = 0, 13: presence = [], 14: status = [] } = entry.elements;
  const isNews = news.some((each) => equal(update, each.update) && equal(presence, each.presence));
  if (!isNews || isAtom(status, 'deleted') !== isDeletedAtContact) {
    return `the entry is ${print(entry)}, the notices may be ${news.map((each) => `${each.update} ${print(each.presence)}`)}${isDeletedAtContact ? ', deleted' : ''}`;
  }
  return undefined;
}

/** Keys that belong to a number without an owner or to an unfinished job, except those that outlast a number. */
async function strangers({ database: { connection } }: System, load: Load): Promise<string[]> {
  const nodes = connection instanceof Redis ? [connection] : connection.nodes('master');
  const all = (await Promise.all(nodes.map((node) => node.keys('*')))).flat();
  const numbers = new Set(load.phones.map(({ number }) => number));
  const gone = new Set(
    load.phones.flatMap((phone) => [...phone.left]).filter((number) => !numbers.has(number)),
  );
  return all.filter((key) => {
    if (/^(leaving|arriving|removal|heir):|:(asking|waiting)$/.test(key)) return true;
    const number = /\{(\d+)\}/.exec(key)?.[1] ?? '';
    return gone.has(number) && !/^(done|limit|confirmed):|:telling$/.test(key);
  });
}

/** A worker that has decided to take over a session does so even just after its owner resumes. */
const takeOverMs = 5_000;

/** Each accepted `link` is one mail; a second one needs a crash of the worker that has just sent the first. */
export function inspectMails(load: Load, mailbox: Mailbox, eventLog: EventLog): void {
  for (const phone of load.phones) {
    for (const { address, sentAt } of phone.linked) {
      const mails = mailbox.to(address);
      const last = mails.at(-1)?.at ?? 0;
      if (mails.length === 0) eventLog.violation('missing', `no mail came to ${address}`);
      if (mails.length < 2) continue;
      if (eventLog.timeline.had(sentAt - takeOverMs, last, ['kill', 'term', 'freeze']))
        eventLog.explained(
          'second mails, as a worker was killed, froze or lost its session before it recorded the first',
        );
      else if (eventLog.timeline.had(sentAt - takeOverMs, last, ['restartRedis']))
        eventLog.explained(
          'second mails, as Redis was away and a session was taken over before it had the first',
        );
      else if (eventLog.timeline.had(sentAt, last, ['restartBroker', 'killBroker', 'failover']))
        eventLog.explained('second mails, as broker or Redis forgot the first');
      else {
        const after = mails.map(({ at }) => `${Math.round(at - sentAt)} ms`).join(' and ');
        eventLog.violation(
          'twice',
          `mails came to ${address} ${after} after it was asked for at ${eventLog.at(sentAt)}`,
        );
      }
    }
  }
}

/** The longest wait of a request after a kill, in milliseconds; and of those without another fault. */
export function waitsAfterKills({ samples, timeline }: EventLog): {
  longest: number;
  undisturbed: number;
  kills: number;
} {
  let [longest, undisturbed, kills] = [0, 0, 0];
  for (const kill of timeline.faults.filter(({ kind }) => kind === 'kill')) {
    const others = timeline.faults.filter((fault) => fault !== kill && !fault.kind.startsWith('hang'));
    const isAlone = !others.some(({ from, to }) => from <= kill.to && to >= kill.from - 1_000);
    const touched = samples.filter(({ sentAt, answeredAt }) => answeredAt >= kill.from && sentAt <= kill.to);
    const waits = touched
      .filter(isQuick)
      .map(({ sentAt, answeredAt }) => answeredAt - Math.max(sentAt, kill.from));
    const max = waits.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), 0);
    longest = Math.max(longest, max);
    if (isAlone) {
      kills++;
      undisturbed = Math.max(undisturbed, max);
    }
  }
  return { longest, undisturbed, kills };
}

/** Excludes requests that wait for a mail server or for STS. */
const isQuick = ({ kind }: Sample): boolean => kind !== 'link' && kind !== 'aws';

/** p50, p99 and maximum of `get`, in milliseconds. */
export function latencies({ samples, timeline }: EventLog, isDuringFaults: boolean): string {
  const taken = samples
    .filter(({ kind, answeredAt }) => kind === 'get' && Number.isFinite(answeredAt))
    .filter(({ sentAt, answeredAt }) => timeline.had(sentAt, answeredAt) === isDuringFaults)
    .map(({ sentAt, answeredAt }) => answeredAt - sentAt);
  const sorted = Float64Array.from(taken).sort();
  const at = (share: number): string =>
    (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, of ${sorted.length}`;
}
