/** The QA layer between broker and worker, where a real broker can't refuse on demand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, defaultLimits, encode, parse, print } from '../../../src/etf/index.ts';
import { requests } from '../../../src/handlers/index.ts';
import type { BrokerConnection, Delivery, Publication, Publisher } from '../../../src/mqtt/connection.ts';
import { PublishRefused } from '../../../src/mqtt/connection.ts';
import { ioError } from '../../../src/protocol/io.ts';
import { Topics } from '../../../src/protocol/topics.ts';
import { type QaOptions, QaTranslator } from '../../../src/qa/translator.ts';
import { profile } from '../../harness/terms.ts';

const topic = 'events/1//api/anon/client/';
const answerTopic = 'actions/1/api/client';

/** The data that workers share, or nothing when Redis is away. */
function memory(isAway = false): QaOptions['formats'] {
  const forms = new Map<string, string>();
  return {
    async remember(client, format) {
      if (isAway) throw new Error('away');
      if (format === undefined) forms.delete(client);
      else forms.set(client, format);
    },
    async of(client) {
      if (isAway) throw new Error('away');
      return forms.get(client);
    },
  };
}

/** A connection for QA over a broker whose refusals a test controls. */
function start(
  qa: Omit<QaOptions, 'limits' | 'topics' | 'formats' | 'requests'>,
  refusal: (publication: Publication) => number | undefined = () => undefined,
  formats = memory(),
) {
  const published: Publication[] = [];
  const warnings: string[] = [];
  const inner = {
    publish: async (publication: Publication) => {
      const code = refusal(publication);
      if (code !== undefined) throw new PublishRefused(code);
      published.push(publication);
    },
  } as BrokerConnection;
  const translator = new QaTranslator({
    ...qa,
    limits: defaultLimits,
    topics: new Topics(),
    formats,
    requests,
  });
  translator.publishHelp(inner, { info: () => undefined, warn: (message) => void warnings.push(message) });
  const publisher: Publisher = translator.publisher(inner);
  const hand = (payload: Buffer | string, more: Partial<Delivery> = {}): Delivery => {
    const delivery = {
      broker: inner,
      topic,
      payload: Buffer.from(payload),
      retained: false,
      receivedAt: 0,
      arrivedAfter: 0,
      reply: inner.publish,
      ...more,
    };
    return translator.receive(delivery as Delivery);
  };
  return { published, warnings, publisher, hand };
}

const answer = (payload: Buffer): Publication => ({ topic: answerTopic, payload, qos: 1 });
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('the worker gets the ETF of a text, and the unchanged payload of ETF', async () => {
  const { hand } = start({ text: true, mirror: false });
  const etf = encode(profile({ phone: '12345', status: 'get' }));
  assert.deepEqual(hand(`{'Profile',<<"12345">>,[],[],[],0,0,[],get}.`).payload, etf);
  const payload = Buffer.from(etf);
  assert.equal(hand('', { payload }).payload, payload);
  const retained = { payload: Buffer.from('{oops'), retained: true };
  assert.equal(hand('', retained).payload, retained.payload);
});

test('with the mirror alone text is not a request', () => {
  const { hand, published } = start({ text: false, mirror: true });
  const text = '{\'Profile\',<<"12345">>,[],[],[],0,0,[],get}';
  assert.equal(hand(text).payload.toString(), text);
  assert.ok(published.some(({ topic: on }) => on === 'qa/req/client/invalid'));
});

test('text of more than 32 KiB is refused with a sentence; ETF may be larger', async () => {
  const { hand, published } = start({ text: true, mirror: false });
  const long = hand(`{'Profile',<<"12345">>,"${'x'.repeat(33_000)}"}`);
  await long.reply(answer(ioError('invalid_data')));
  assert.match(published.at(-1)?.payload.toString() ?? '', /text may have 32768 bytes/);
  const etf = encode(profile({ phone: '12345', settings: Buffer.alloc(40_000), status: 'get' }));
  assert.deepEqual(hand(etf).payload, etf);
});

test('an answer that is too large as text is replaced by a sentence', async () => {
  const { hand, published } = start({ text: true, mirror: false }, ({ payload }) =>
    payload.length > 500 ? 0x95 : undefined,
  );
  const large = encode(Array.from({ length: 200 }, (_, n) => -1000 - n));
  await hand('get').reply(answer(large));
  assert.match(
    print(parse(published.at(-1)?.payload.toString() ?? '')),
    /^\{io,\{error,internal\},<<"the answer has \d+ bytes as text/,
  );
  const request = encode(profile({ phone: '12345', status: 'get' }));
  await assert.rejects(hand(request).reply(answer(large)), PublishRefused);
});

test('a broker refusal for another reason stays a refusal', async () => {
  const { hand } = start({ text: true, mirror: false }, () => 0x87);
  await assert.rejects(hand('get').reply(answer(ioError('busy'))), PublishRefused);
});

test('a broker that refuses everything on qa/# is named in the log once, and answers go on', async () => {
  const { hand, published, warnings } = start({ text: true, mirror: true }, ({ topic: on }) =>
    on.startsWith('qa/') ? 0x87 : undefined,
  );
  await turn();
  await hand('get').reply(answer(ioError('busy')));
  await turn();
  assert.deepEqual(warnings, ['the broker does not let this worker publish to qa/#']);
  assert.deepEqual(
    published.map(({ topic: on }) => on),
    [answerTopic],
  );
});

test('an answer that another request causes is in the form of its client’s last request', async () => {
  const { hand, publisher, published } = start({ text: true, mirror: false });
  const form = async (): Promise<string> => {
    await publisher.publish(answer(ioError('aws')));
    const { payload, contentType } = published.at(-1) ?? {};
    assert.deepEqual(
      contentType === undefined ? decode(payload ?? Buffer.of()) : undefined,
      contentType === undefined ? parse('{io,{error,aws},<<>>}') : undefined,
    );
    return contentType ?? 'etf';
  };
  assert.equal(await form(), 'etf');
  hand('get');
  assert.equal(await form(), 'text/x-erlang');
  hand('{"request":"get"}');
  assert.equal(await form(), 'application/json');
  hand(encode(profile({ phone: '12345', status: 'get' })));
  assert.equal(await form(), 'etf');
});

test('without a known form a client gets ETF', async () => {
  const { hand, publisher, published } = start({ text: true, mirror: false }, () => undefined, memory(true));
  hand('get');
  await publisher.publish(answer(ioError('aws')));
  assert.deepEqual(published.at(-1)?.payload, ioError('aws'));
});
