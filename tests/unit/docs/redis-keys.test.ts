/** docs/operations.md has every key and every command of Redis: an operator makes the rights of the worker's user from them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Keys, keysWith } from '../../../src/store/keys.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const page = read('docs/operations.md');
const keys = keysWith('');
const [phone, client, broker, fleet] = [
  '380501112233',
  'emqttd_42',
  'localhost:1883',
  'profile@localhost:1883',
];

/** One of each kind; a new kind has no entry here and fails the type check. */
const examples: Record<Exclude<keyof Keys, 'besideProfile' | 'ofPhone'>, string> = {
  session: keys.session(client),
  sessions: keys.sessions(phone),
  profile: keys.profile(phone),
  contacts: keys.contacts(phone),
  verify: keys.verify(phone),
  rate: keys.rate(client),
  quota: keys.quota(phone, 'link'),
  confirmed: keys.confirmed(phone),
  done: keys.done(phone, '0f'),
  doneWord: keys.doneWord(phone, 'word'),
  credentials: keys.credentials(phone),
  credentialLock: keys.credentialLock(phone),
  credentialWaiters: keys.credentialWaiters(phone),
  migration: keys.migration(phone),
  migrating: keys.migrating(phone),
  proposal: keys.proposal(client),
  removal: keys.removal(phone),
  leaving: keys.leaving(phone),
  leavingContacts: keys.leavingContacts(phone),
  arriving: keys.arriving(phone, 'claim'),
  arrivingContacts: keys.arrivingContacts(phone, 'claim'),
  format: keys.format(client),
  hint: keys.hint(client),
  signedOut: keys.signedOut(client),
  redelivery: keys.redelivery('0f'),
  poisoned: keys.poisoned(),
  workers: keys.workers(fleet),
  formerWorkers: keys.formerWorkers(),
  subscriptions: keys.subscriptions(fleet),
  takeoverLease: keys.takeoverLease(fleet, 'profile-1'),
  clientId: keys.clientId(fleet, 'profile-1'),
  rights: keys.rights(7),
  outbox: keys.outbox(broker),
  outboxBytes: keys.outboxBytes(broker),
  outboxLease: keys.outboxLease(broker),
  fanOuts: keys.fanOuts(fleet),
  formerFanOuts: keys.formerFanOuts(),
  fanOutLease: keys.fanOutLease(phone),
  fanOutCursor: keys.fanOutCursor(phone),
  brokerAcl: keys.brokerAcl(broker),
  brokerAclLock: keys.brokerAclLock(broker, 'client', client),
  brokerAclSweep: keys.brokerAclSweep(broker),
};

/** The names of the table as patterns; `…:end` goes on from the first name of its row. */
function documented(): RegExp[] {
  const [, table = ''] =
    /\n\| key \| type \| holds \| lapses \|\n\|[-|]+\|\n(.*?)\n(?:\n|$)/s.exec(page) ?? [];
  return table.split('\n').flatMap((row) => {
    const names = [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    const first = (names[0] ?? '').replace(/:lock:phone:<phone>$/, '');
    return names.map((name) => patternOf(name.startsWith('…') ? first + name.slice(1) : name));
  });
}

const patternOf = (name: string): RegExp =>
  new RegExp(
    `^${name
      .replace(/[{}.]/g, '\\$&')
      .replace(/<[^>]+>/g, '[^{}]+')
      .replaceAll('…', '.+')}$`,
  );

test('each key of the worker has a row', () => {
  const patterns = documented();
  assert.ok(patterns.length > 30);
  for (const [name, key] of Object.entries(examples))
    assert.ok(
      patterns.some((pattern) => pattern.test(key)),
      `${name}: ${key}`,
    );
});

test('the commands are those of the rights', () => {
  const [, list = ''] = /^## Rights in Redis\n.*?^```\n(.*?)^```$/ms.exec(page) ?? [];
  const named = list.match(/(?:CLIENT |CLUSTER )?[A-Z]+/g) ?? [];
  const granted = [...read('deploy/redis/worker-rights').matchAll(/\+(\S+)/g)].map(([, name = '']) =>
    name.replace('|', ' ').toUpperCase(),
  );
  assert.ok(granted.length > 40);
  assert.deepEqual([...named].sort(), granted.sort());
});
