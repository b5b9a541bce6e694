/** QA_TEXT=on: unreadable text is answered with a sentence, other messages are ignored, and ETF stays the same. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode, encode, isAtom, parse, print, type Term, Tuple } from '../../../src/etf/index.ts';
import { requests } from '../../../src/handlers/index.ts';
import { Explorer } from '../../harness/explorer.ts';
import { startHarness } from '../../harness/harness.ts';
import { contact, feature, fieldsOf, profile, roster } from '../../harness/terms.ts';

const harness = await startHarness({ settings: { QA_TEXT: 'on' } });
const explorer = await Explorer.open(harness, '380501112233');
after(async () => {
  await explorer.leave();
  await harness.stop();
});

/** The sentence of `{io,{error,invalid_data},<<Sentence>>}`. */
function sentenceOf(answer: string): string {
  const term = parse(answer);
  assert.ok(term instanceof Tuple);
  const [, code, sentence] = term.elements;
  assert.equal(print(code ?? []), '{error,invalid_data}');
  return Buffer.from(sentence as Uint8Array).toString();
}

const unreadable: [what: string, request: string, sentence: RegExp][] = [
  ['Erlang text with a hole', '{\'Profile\',\n  <<"380501112233">>,,[]}', /^line 2, column 22: /],
  ['a string without an end', `{'Profile',<<"3805`, /^line 1, column 14: .*never closed/],
  ['a field that the record lacks', "#'Profile'{fone = 1}", /^line 1, column 12: .*phone, services/],
  ['a phone that is none', "#'Profile'{phone = 123, status = get}", /phone.*5 to 15 digits/],
  ['a request that there is not', "#'Profile'{phone = 12345, status = dance}", /get, set, update, link/],
  ['another size', '{\'Profile\',<<"380501112233">>,get}', /9 elements.*this one has 3/],
  ['a term of another service', '{\'Auth\',<<"380501112233">>}', /'Auth' belongs to other services/],
  ['an atom', 'get', /this is an atom/],
  [
    'a contact of another size',
    "#'Profile'{phone = <<\"380501112233\">>, rosters = [#'Roster'{id = 1, userlist = [{'Contact',1}]}], status = set}",
    /rosters, element 4.*15 elements/,
  ],
  ['hexadecimal digits that are cut off', '83 68 02', /cut off/],
  ['half a byte', '83 68 0', /^line 1, column 7: half a byte/],
  ['nothing but white space', ' \n ', /^line 2, column 2: a term is missing/],
  ['ETF that went through Latin-1 and UTF-8', '\u0083h\u0002', /text editor/],
  ['ETF that went through UTF-8', '\uFFFDh\u0002', /text editor/],
];

for (const [what, request, sentence] of unreadable) {
  test(`${what} is answered with invalid_data and where and why`, async () => {
    assert.match(sentenceOf(await explorer.askText(request)), sentence);
  });
}

test('unreadable JSON is answered in JSON', async () => {
  for (const [request, sentence] of [
    ['{"request":"get",\n "phone":38050x}', /^line 2, column 15: /],
    ['{"request":"get","fone":1}', /^at fone: a 'Profile' has no such field/],
    [
      '{"request":"set","phone":12345,"rosters":[{"userlist":[{"phoneid":1}]}]}',
      /^at rosters\[0\]\.userlist\[0\]\.phoneid: /,
    ],
    ['{"request":"dance","phone":12345}', /names the request/],
  ] as const) {
    const { error, data } = JSON.parse(await explorer.askText(request));
    assert.equal(error, 'invalid_data');
    assert.match(data, sentence);
  }
});

test('an empty payload is never answered; the broker refuses a request with the retain flag', async () => {
  const answers = explorer.answered().length;
  await explorer.publish('');
  await explorer.publish(requests.remove.example, { retain: true });
  await explorer.publish('', { retain: true });
  await explorer.publish('no term', { retain: true });
  await explorer.publish('', { retain: true });
  await explorer.askText(requests.get.example);
  await harness.idle();
  assert.equal(explorer.answered().length, answers + 1);
  assert.equal(await harness.metric('profile_ignored_total{reason="empty"}'), 1);
  assert.equal(await harness.metric('profile_ignored_total{reason="retained"}'), 0);
});

test('a client with ETF gets the same bytes as without QA_TEXT', async (t) => {
  const plain = await startHarness();
  t.after(() => plain.stop());
  const options = { client: 'etf-client', number: '380501118888' };
  const [here, there] = await Promise.all([harness.phone(options), plain.phone(options)]);
  const { number: phone } = here;
  const rosters = [roster({ userlist: [contact({ phoneId: '380670000001_5' })] })];
  const requests: (Term | Buffer)[] = [
    profile({ phone, status: 'get' }),
    profile({ phone, rosters, settings: [1], status: 'set' }),
    profile({ phone, rosters, settings: [feature('K', 'v')], status: 'set' }),
    profile({ phone, presence: parse('online'), status: 'update' }),
    profile({ phone, status: 'get' }),
    profile({ phone: '380500000000', status: 'get' }),
    profile({ phone, status: 'dance' }),
    profile({ phone, status: 'email' }),
    Buffer.from([131]),
    Buffer.from([131, 104, 255]),
    profile({ phone, status: 'remove' }),
    profile({ phone, status: 'get' }),
  ];
  for (const request of requests) {
    const [a, b] = await Promise.all([here.exchange(request), there.exchange(request)]);
    assert.deepEqual({ ...a, payload: timeless(a.payload) }, { ...b, payload: timeless(b.payload) });
  }
  // Terms of other services are still ignored.
  await here.send(parse("{'Auth',1}"));
  await harness.idle();
  await here.fence();
  assert.deepEqual(here.answers, []);
  assert.equal(await harness.metric('profile_ignored_total{reason="foreign"}'), 1);
});

/** The bytes without the server's time. */
function timeless(payload: Buffer): Buffer {
  const term = decode(payload);
  const isProfile = term instanceof Tuple && isAtom(term.elements[0], 'Profile');
  const { update } = isProfile ? fieldsOf(term) : { update: 0 };
  if (typeof update !== 'number' || update === 0) return payload;
  const at = payload.indexOf(encode(update).subarray(1));
  return Buffer.concat([payload.subarray(0, at), payload.subarray(at + encode(update).length - 1)]);
}
