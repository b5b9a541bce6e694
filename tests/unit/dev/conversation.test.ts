import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, Conversation, ConversationFault, notice, type Step } from '../../../dev/conversation.ts';
import { type Device, olena, requestTopic, taras } from '../../../dev/phones.ts';
import { openTranscript } from '../../../dev/transcript.ts';
import { encode } from '../../../src/etf/index.ts';
import { parse } from '../../../src/etf/text.ts';

type Received = readonly [device: Device, topic: string, payload: string | Buffer];

const ofOlena = `actions/1/api/${olena.client}`;
const toTaras = `ses/${taras.phone}`;

/** A conversation with workers that send these messages after the first request, those after the second, and so on. */
function converse(...replies: (readonly Received[])[]) {
  const lines: string[] = [];
  const said: string[] = [];
  const transcript = openTranscript((line) => lines.push(line), false);
  const say = async (device: Device, payload: Buffer): Promise<void> => {
    said.push(`${device.client} ${payload.toString('latin1')}`);
    for (const [receiver, topic, text] of replies.shift() ?? []) {
      conversation.receive(receiver, topic, typeof text === 'string' ? encode(parse(text)) : text);
    }
  };
  const conversation = new Conversation(say, transcript, 50);
  return { conversation, lines, said };
}

const step: Step = {
  about: 'Olena comes online',
  by: olena,
  sends: '{hello,1}',
  expects: [answer(olena, '{ok,Time}'), notice(taras, '{contact,Time}')],
};
const right: readonly Received[] = [
  [olena, ofOlena, '{ok,5}'],
  [taras, toTaras, '{contact,5}'],
];

/** The error that `take` throws; fails if there is none. */
async function faultOf(taking: Promise<void>): Promise<string> {
  try {
    await taking;
  } catch (error) {
    assert.ok(error instanceof ConversationFault);
    return error.message;
  }
  return assert.fail('there was no fault');
}

test('sent and received messages are written down with their topics', async () => {
  const { conversation, lines, said } = converse(right);
  await conversation.take(step);
  assert.deepEqual(lines, [
    '% Olena comes online',
    `→ ${requestTopic}       {hello,1}`,
    `← ${ofOlena}    {ok,5}`,
    `← ${toTaras}           {contact,5}`,
  ]);
  assert.deepEqual(said, [`${olena.client} ${encode(parse('{hello,1}')).toString('latin1')}`]);
  assert.equal(conversation.receivedCount, 2);
});

test('a notice may come before the answer', async () => {
  const { conversation } = converse(right.toReversed());
  await conversation.take(step);
});

for (const [what, received, message] of [
  ['another answer', [[olena, ofOlena, '{error,5}'], right[1]], /actions\/1\/api\/emqttd_42 .*\{ok,Time\}/s],
  ['a notice that does not agree with the answer', [right[0], [taras, toTaras, '{contact,6}']], /ses\//],
  ['an answer that is no term', [[olena, ofOlena, Buffer.from('junk')], right[1]], /\{ok,Time\}/],
  ['no notice', [right[0]], /not received within 50 ms:\n {2}ses\/380671112233 \{contact,Time\}/],
  ['nothing at all', [], /not received .*actions.*ses/s],
  ['the same answer twice', [...right, right[0]], /no request has asked for/],
  [
    'the answer on the topic of another client',
    [[taras, `actions/1/api/${taras.client}`, '{ok,5}']],
    /asked/,
  ],
  ['the notice at another phone', [right[0], [olena, `ses/${olena.phone}`, '{contact,5}']], /asked for/],
] as [string, Received[], RegExp][]) {
  test(`${what} is a fault`, async () => {
    const { conversation } = converse(received);
    assert.match(await faultOf(conversation.take(step)), message);
  });
}

test('a late message is a fault in the next step, or at the end', async () => {
  const { conversation } = converse(right, right);
  await conversation.take(step);
  conversation.receive(taras, toTaras, encode(parse('late')));
  assert.throws(() => conversation.expectSilence(), ConversationFault);
  assert.match(await faultOf(conversation.take(step)), /ses\//);
});

test('two answers on one topic must arrive in their order', async () => {
  const expects = [answer(olena, 'asked'), answer(olena, 'given')];
  const received = (texts: string[]): Received[] => texts.map((text) => [olena, ofOlena, text]);
  await converse(received(['asked', 'given'])).conversation.take({ ...step, expects });
  const { conversation } = converse(received(['given', 'asked']));
  assert.match(await faultOf(conversation.take({ ...step, expects })), /asked/);
});

test('a message that the protocol allows may arrive once before the rest, and is not counted', async () => {
  const allows = [answer(olena, 'later')];
  const later: Received = [olena, ofOlena, 'later'];
  const { conversation } = converse([later, ...right]);
  await conversation.take({ ...step, allows });
  assert.equal(conversation.receivedCount, 2);
  await converse(right).conversation.take({ ...step, allows });
  const twice = converse([later, later, ...right]).conversation;
  assert.match(await faultOf(twice.take({ ...step, allows })), /was expected/);
});

test('variables bound by one step keep their terms in later steps', async () => {
  const { conversation, said } = converse(right, [[olena, ofOlena, '{ok,6}']]);
  await conversation.take(step);
  const second = { ...step, sends: '{again,Time}', expects: [answer(olena, '{ok,Time}')] };
  assert.match(await faultOf(conversation.take(second)), /\{ok,Time\}/);
  assert.equal(said[1], `${olena.client} ${encode(parse('{again,5}')).toString('latin1')}`);
});

test('a term that fits the pattern but fails its check is a fault', async () => {
  await converse(right).conversation.take({ ...step, where: { Time: (time) => time === 5 } });
  const { conversation } = converse(right);
  const fault = faultOf(conversation.take({ ...step, where: { Time: (time) => time === 6 } }));
  assert.match(await fault, /^Time /);
});

test('variables bound before a request can be used in it, and the step’s cleanup runs right after it', async () => {
  const done: string[] = [];
  const { conversation, said } = converse(right);
  await conversation.take({
    ...step,
    before: async () => ({ Code: Buffer.from('123456') }),
    sends: '{code,Code}',
    after: () => done.push('after'),
  });
  assert.match(said[0] ?? '', /123456/);
  assert.deepEqual(done, ['after']);
});

test('what the protocol allows before an answer is skipped, and said to be', async () => {
  const { conversation, lines } = converse([[olena, ofOlena, '{later}'], ...right]);
  await conversation.take({ ...step, allows: [answer(olena, '{later}')] });
  assert.deepEqual([conversation.receivedCount, conversation.skippedCount], [2, 1]);
  assert.ok(
    lines.some((line) => line.startsWith(`% skipped the message on ${ofOlena}: the protocol allows`)),
  );
});
