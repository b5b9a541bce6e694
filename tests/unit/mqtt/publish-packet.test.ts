/** PUBLISH packets as another implementation of MQTT 5.0 reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Packet, parser } from 'mqtt-packet';
import type { Publication } from '../../../src/mqtt/broker.ts';
import { PublishRefused } from '../../../src/mqtt/publish-errors.ts';
import { publishPacket, pubrelPacket } from '../../../src/mqtt/publish-packet.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const userProperties = fc.dictionary(
  text.filter((name) => name !== '__proto__'),
  fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 3 })),
  { noNullPrototype: true },
);

const publications = fc.record(
  {
    topic: text.filter((topic) => !/[+#]/.test(topic)),
    payload: bytes,
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    expirySeconds: fc.integer({ min: 1, max: 4_294_967_295 }),
    contentType: text,
    correlationData: bytes,
    userProperties,
  },
  { requiredKeys: ['topic', 'payload', 'qos'] },
);

/** On both sides of the sizes where lengths take a byte more, and where a payload is no longer copied. */
const moreBytes = fc.constantFrom(0, 0, 100, 3_800, 4_096, 16_300, 2_097_100);

test('a PUBLISH of any content is read unchanged', () => {
  fc.assert(
    fc.property(
      publications,
      moreBytes,
      fc.integer({ min: 1, max: 65_535 }),
      fc.boolean(),
      (content, more, packetId, again) => {
        const payload = Buffer.concat([content.payload, Buffer.alloc(more, 7)]);
        const publication: Publication = { ...content, payload };
        const { topic, qos, retain = false } = publication;
        const isResent = again && qos > 0;
        const read = packetOf(publishPacket(publication, { qos, packetId, isResent }));
        assert.ok(read.cmd === 'publish');
        assert.deepEqual([read.topic, read.qos, read.retain, read.dup], [topic, qos, retain, isResent]);
        assert.equal(read.messageId, qos > 0 ? packetId : undefined);
        assert.ok(payload.equals(read.payload as Buffer));
        const {
          messageExpiryInterval,
          contentType,
          correlationData,
          userProperties: user,
        } = read.properties ?? {};
        assert.equal(messageExpiryInterval, publication.expirySeconds);
        assert.equal(contentType, publication.contentType);
        assert.deepEqual(correlationData, publication.correlationData);
        assert.deepEqual({ ...user }, publication.userProperties ?? {});
      },
    ),
  );
});

test('a PUBREL names its exchange', () => {
  const { cmd, messageId } = packetOf([pubrelPacket(0xabcd)]);
  assert.deepEqual([cmd, messageId], ['pubrel', 0xabcd]);
});

const long = 'x'.repeat(65_536);
const tooLong: [string, Partial<Publication>][] = [
  ['a topic', { topic: long }],
  ['a Content Type', { contentType: long }],
  ['Correlation Data', { correlationData: Buffer.alloc(65_536) }],
  ['a user property', { userProperties: { name: long } }],
  ['a payload of 256 MB', { payload: Buffer.alloc(256 * 1024 * 1024) }],
];

for (const [what, part] of tooLong) {
  test(`${what} that MQTT has no length for is refused as a packet`, () => {
    const publication = { topic: 't', payload: Buffer.from('p'), qos: 1, ...part } as const;
    const flags = { qos: 1, packetId: 1, isResent: false } as const;
    assert.throws(() => publishPacket(publication, flags), PublishRefused);
  });
}

const unfitTexts = ['\0', '\x1f', '\x7f', '\x9f', '\ud800', '\udc00x', '\ufdd0', '\uffff', '\u{1fffe}'];
const refused: [number, Partial<Publication>][] = [
  ...['', 'a/+', 'a/#', 'x/'.repeat(200), ...unfitTexts].map((topic): [number, Partial<Publication>] => [
    0x90,
    { topic },
  ]),
  ...unfitTexts.flatMap((text): [number, Partial<Publication>][] => [
    [0x81, { contentType: text }],
    [0x81, { userProperties: { name: ['fit', text] } }],
    [0x81, { userProperties: { [text]: 'fit' } }],
  ]),
  [0x9a, { retain: true }],
];

test('a packet that a broker would refuse is refused with its reason, and one just within the limits is not', () => {
  const flags = { qos: 1, packetId: 1, isResent: false } as const;
  const limits = { largestPacket: 1_000, highestQos: 2, retains: false } as const;
  const packet = (part: Partial<Publication>) =>
    publishPacket({ topic: 't', payload: Buffer.from('p'), qos: 1, ...part }, flags, limits);
  for (const [reasonCode, part] of refused)
    assert.throws(() => packet(part), { name: 'PublishRefused', reasonCode }, JSON.stringify(part));
  const { length } = packet({ payload: Buffer.alloc(900) })[0] ?? {};
  packet({ payload: Buffer.alloc(1_900 - Number(length)) });
  assert.throws(() => packet({ payload: Buffer.alloc(1_901 - Number(length)) }), { reasonCode: 0x95 });
  for (const topic of ['x/'.repeat(199), ' ', '\u{1f600}é\ufeff', '/', 'x'.repeat(900)]) packet({ topic });
});

function packetOf(pieces: readonly Buffer[]): Packet {
  const packets: Packet[] = [];
  const reading = parser({ protocolVersion: 5 });
  reading.on('packet', (packet) => packets.push(packet));
  reading.on('error', assert.ifError);
  for (const piece of pieces) reading.parse(piece);
  const [packet] = packets;
  assert.ok(packet && packets.length === 1, 'not one packet');
  return packet;
}
