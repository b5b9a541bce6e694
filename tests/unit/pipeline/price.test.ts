/** What requests cost: small ones one unit, large ones by their work. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { defaultLimits, encode } from '../../../src/etf/index.ts';
import { requestKinds, requests } from '../../../src/handlers/index.ts';
import {
  unitsToAnswer,
  unitsToCall,
  unitsToRead,
  unitsToRewrite,
  unitsToTell,
} from '../../../src/pipeline/price.ts';
import { rostersOf } from '../../harness/address-books.ts';
import { profile } from '../../harness/terms.ts';

const phone = '380501112233';

const bookOf = (contacts: number) =>
  rostersOf({ 1: Array.from({ length: contacts }, (_, place) => `${380_670_000_000 + place}_1`) });

const answerOf = (contacts: number) => ({
  answers: [{ payload: encode(profile({ phone, rosters: bookOf(contacts), status: 'get' })) }],
});

const zipped = (bytes: Buffer, declared = bytes.length): Buffer => {
  const head = Buffer.from([131, 80, 0, 0, 0, 0]);
  head.writeUInt32BE(declared, 2);
  return Buffer.concat([head, deflateSync(bytes)]);
};

test('a small request costs one unit: a get of a profile with 20 contacts, and a set of it', () => {
  assert.equal(unitsToRead(encode(profile({ phone, status: 'get' })), defaultLimits), 1);
  assert.equal(unitsToRead(encode(profile({ phone, rosters: bookOf(20), status: 'set' })), defaultLimits), 1);
  assert.equal(unitsToAnswer(answerOf(20)), 0);
  assert.equal(unitsToTell({}) + unitsToCall({}), 0);
});

test('docs/protocol.md names the kinds that cost more than one unit', () => {
  const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const [, named = ''] = /^\| (.*), also when they are refused \| 4 \|$/m.exec(page) ?? [];
  const costly = requestKinds.filter((kind) => requests[kind].units === 4);
  assert.equal(named, costly.map((kind) => `\`${kind}\``).join(', '));
});

test('bytes read cost as many as they inflate to, before they are inflated', () => {
  const bytes = Buffer.alloc(200_000);
  const message = zipped(bytes);
  assert.ok(message.length < 1_000);
  const plain = Buffer.concat([Buffer.of(131), bytes]);
  const [ofZipped, ofPlain] = [unitsToRead(message, defaultLimits), unitsToRead(plain, defaultLimits)];
  assert.ok(Math.abs(ofZipped / ofPlain - 1) < 0.01, `${ofZipped} and ${ofPlain}`);
  assert.ok(ofZipped > 20);
});

test('stored bytes that are written again cost what they cost when they are sent', () => {
  assert.equal(unitsToRewrite(0) + unitsToRewrite(4_096), 0);
  assert.equal(1 + unitsToRewrite(900_000), unitsToRead(Buffer.alloc(900_000), defaultLimits));
});

test('what is refused without being inflated costs its own bytes only, whatever size it declares', () => {
  const small = Buffer.alloc(10);
  assert.equal(unitsToRead(zipped(small, defaultLimits.inflatedBytes + 1), defaultLimits), 1);
  assert.equal(unitsToRead(zipped(small, 0), defaultLimits), 1);
  assert.equal(unitsToRead(Buffer.of(131, 80, 0, 0), defaultLimits), 1);
  assert.equal(unitsToRead(Buffer.alloc(0), defaultLimits), 1);
});

test('the answers of a request count together', () => {
  const [answer] = answerOf(1_000).answers;
  assert.ok(answer);
  const [one, three] = [
    unitsToAnswer({ answers: [answer] }),
    unitsToAnswer({ answers: [answer, answer, answer] }),
  ];
  assert.ok(three > 3 * one, `${three} and ${one}`);
});

test('a phone with 1,000 contacts has units left after three updates and a few gets', () => {
  const get = 1 + unitsToAnswer(answerOf(1_000));
  const update = get + unitsToTell({ contacts: 1_000 });
  assert.ok(update + 5 * get < 500, `update ${update}, get ${get}`);
});

test('contacts and calls cost what was measured, within a factor of three', () => {
  const costs = JSON.parse(
    readFileSync(new URL('../../../bench/simulation/costs.json', import.meta.url), 'utf8'),
  );
  const micros = (cost: Record<string, number>): number =>
    (cost.workerMicros ?? 0) + (cost.brokerMicros ?? 0) + (cost.redisMicros ?? 0);
  const unit = micros(costs.requests.get);
  const within = (price: number, measured: number): void =>
    assert.ok(price * 3 > measured && price < measured * 3, `${price} units, measured ${measured}`);
  within(unitsToTell({ contacts: 100 }), (100 * micros(costs.contact)) / unit);
  within(unitsToCall({ outsideCalls: 1 }), micros(costs.requests.aws) / unit);
  within(unitsToCall({ outsideCalls: 1 }), micros(costs.requests.link) / unit);
});
