import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { arrivalTimes } from '../../../bench/load/arrivals.ts';
import { curvesSvg } from '../../../bench/load/curves.ts';
import type { Device } from '../../../bench/load/device.ts';
import { isExpectedResult } from '../../../bench/load/generator.ts';
import { chooseKind, parseMix, usualMix } from '../../../bench/load/mix.ts';
import { type Person, renumber, requestOf, resultOf, seedOf } from '../../../bench/load/person.ts';
import { keepsUp, saturationOf } from '../../../bench/load/saturation.ts';
import { problemsOf } from '../../../bench/load/soak-run.ts';
import { atom, defaultLimits, encode, type Term, tuple } from '../../../src/etf/index.ts';
import { knownKinds, type RequestKind, requestKinds, requests } from '../../../src/handlers/index.ts';
import { readProfile } from '../../../src/protocol/profile.ts';
import { profile, refusal, service, text } from '../../harness/terms.ts';

test('the send times depend only on the rate, rise, and lie within the duration', () => {
  const rates = fc.integer({ min: 1, max: 2_000 });
  fc.assert(
    fc.property(rates, fc.constantFrom('poisson', 'even'), (rate, arrivals) => {
      const times = [...arrivalTimes(arrivals, rate, 2_000)];
      assert.ok(times.every((time, index) => time >= (times[index - 1] ?? 0) && time < 2_000));
      // Six standard deviations of a Poisson count.
      assert.ok(Math.abs(times.length - rate * 2) <= 1 + 6 * Math.sqrt(rate * 2), `${times.length}`);
    }),
  );
});

test('even arrivals have equal distances', () => {
  assert.deepEqual([...arrivalTimes('even', 4, 1_001)], [250, 500, 750, 1000]);
});

test('the usual mix has all nine requests, each in proportion to its weight', () => {
  const mix = parseMix(usualMix);
  assert.deepEqual([...mix.keys()].sort(), Object.keys(requests).sort());
  const few = parseMix('get=3,set=1,aws=0');
  const chosen = Array.from({ length: 1_000 }, (_, index) => chooseKind(few, index / 1_000));
  assert.deepEqual([chosen.filter((kind) => kind === 'get').length, chosen.indexOf('aws')], [750, -1]);
  assert.equal(chooseKind(few, 0.999_999_999), 'set');
});

test('a soak asks for an answer of each kind in its mix, and of no other', () => {
  const latencyByKind = new Map<RequestKind, unknown>([['get', undefined]]);
  const load = { offered: 3, answered: 3, wrong: 0, results: new Map(), latencyByKind };
  const problems = problemsOf(load, [], parseMix('get=3,set=1,aws=0'));
  assert.deepEqual(problems, ['no set was answered']);
});

test('a kind that the load does not know may be answered by all but an error', () => {
  const right = (kind: string, result: string) => isExpectedResult(kind as RequestKind, result);
  assert.ok(right('get', 'get') && !right('get', 'set'));
  assert.ok(right('ping', 'pong') && !right('ping', 'error not_found') && !right('ping', 'stranger'));
});

test('a mix of an unknown request, without weights, or with a negative one is refused', () => {
  for (const text of ['get=1,fly=2', 'get=0', 'get=-1', '', 'get'])
    assert.throws(() => parseMix(text), Error, text);
});

const points = (p99s: readonly number[]) =>
  p99s.map((p99Ms, index) => ({ rate: index + 1, answered: index + 1, p99Ms }));

test('the saturation is the last rate before the first that was too much', () => {
  assert.equal(saturationOf(points([5, 6, 90, 300, 20]), 100)?.rate, 3);
  assert.equal(saturationOf(points([5, 6]).toReversed(), 100)?.rate, 2);
  assert.equal(saturationOf(points([300, 5]), 100), undefined);
  assert.equal(saturationOf([], 100), undefined);
  assert.equal(keepsUp({ rate: 100, answered: 90, p99Ms: 5 }, 100), false);
});

test('curves are drawn where their points are', () => {
  const curves = [
    {
      name: 'a < b',
      colour: '#000000',
      points: [
        { x: 0, y: 1 },
        { x: 10, y: 100 },
      ],
    },
  ];
  const svg = curvesSvg([{ title: 't', xLabel: 'x', yLabel: 'y', isLogarithmic: true, curves }], 'caption');
  // From the bottom left to the top right of the box.
  assert.match(svg, /points="70,280 600,34"/);
  assert.match(svg, /a &lt; b/);
});

const person: Person = {
  device: { client: 'emqttd_1' } as Device,
  number: '',
  spare: '',
  friends: [],
  isMoving: false,
  get: Buffer.alloc(0),
};
renumber(person, '380501112233', '380671112233');
person.friends.push(person);

test('a simulated phone sends a request of its kind, with its number', () => {
  for (const kind of requestKinds) {
    const read = readProfile(requestOf(kind, person, '123456'), defaultLimits, knownKinds);
    assert.ok(typeof read === 'object');
    assert.deepEqual([read.kind, read.phone], [kind, kind === 'migrate' ? person.spare : person.number]);
  }
  const seed = readProfile(seedOf(person), defaultLimits, knownKinds);
  assert.equal(typeof seed === 'object' && seed.kind, 'set');
});

test('an answer is identified by its status, its number, or its atom', () => {
  const of = (term: Term): string => resultOf(encode(term), person.number);
  assert.equal(of(profile({ phone: person.number, update: 5, status: 'get' })), 'get');
  assert.equal(of(profile({ phone: person.spare, status: 'get' })), 'stranger');
  assert.equal(of(refusal('aws')), 'error aws');
  const credentials = (status: string) =>
    tuple(atom('io'), tuple(atom('ok'), atom('aws')), service({ type: atom('aws'), status: atom(status) }));
  assert.equal(of(credentials('verified')), 'aws');
  assert.equal(of(credentials('added')), 'later');
  assert.equal(of(tuple(atom('io'), tuple(atom('ok'), atom('email_sent')), text(''))), 'email_sent');
  assert.equal(of(5), 'unknown');
});
