// The minimum work of a worker in Node: MQTT 5 and RESP by hand on two sockets, one write to each in a turn of the
// event loop, no checks of requests or clients, and a ready answer in Redis.
import { connect } from 'node:net';

/** Where the digits of the phone are in every request of the benchmarks: 131, tuple, 'Profile', binary. */
const PHONE_AT = 18;
const PHONE_END = 30;
const CLIENT_LEVEL = 5;

const [CONNACK, PUBLISH, PUBACK, SUBACK, PINGREQ] = [2, 3, 4, 9, 12];
const PING_MS = 20_000;

const open = (url) =>
  connect({ host: new URL(url).hostname, port: Number(new URL(url).port), noDelay: true });
const broker = open(process.env.MQTT_URL ?? '');
const redis = open(process.env.REDIS_URL ?? '');

/** Requests in the order in which Redis answers them. */
const asked = [];
let commands = '';
let packets = [];
let isTurnEnding = false;
let packetId = 0;

function endTurn() {
  if (!isTurnEnding) setImmediate(writeAll);
  isTurnEnding = true;
}

function writeAll() {
  isTurnEnding = false;
  if (commands !== '') redis.write(commands);
  if (packets.length > 0) broker.write(Buffer.concat(packets));
  commands = '';
  packets = [];
}

const bulk = (text) => `$${text.length}\r\n${text}\r\n`;

function ask(client, phone, id) {
  asked.push({ client, id, owner: undefined });
  commands += `*3\r\n$4\r\nHGET\r\n${bulk(`session:${client}`)}$5\r\nphone\r\n`;
  commands += `*2\r\n$3\r\nGET\r\n${bulk(`ready:{${phone}}`)}`;
  endTurn();
}

function answer({ client, id }, profile) {
  const topic = `actions/1/api/${client}`;
  packetId = (packetId % 65_535) + 1;
  const length = 2 + topic.length + 3 + profile.length;
  const head = Buffer.allocUnsafe(8 + topic.length + 5);
  let at = head.writeUInt8(0x32, 0);
  at = writeLength(head, length, at);
  at = head.writeUInt16BE(topic.length, at);
  at += head.latin1Write(topic, at);
  at = head.writeUInt16BE(packetId, at);
  at = head.writeUInt8(0, at); // No properties.
  packets.push(head.subarray(0, at), profile, Buffer.of(0x40, 2, id >> 8, id & 0xff));
  endTurn();
}

function writeLength(bytes, length, at) {
  let rest = length;
  do {
    bytes[at++] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
    rest >>= 7;
  } while (rest > 0);
  return at;
}

/** Cuts a stream into packets; `cut` returns the end of the packet at `at`, or -1 if it is incomplete. */
function reader(cut) {
  let kept = Buffer.alloc(0);
  return (chunk) => {
    const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    let at = 0;
    for (let end = cut(bytes, at); end >= 0; end = cut(bytes, at)) at = end;
    kept = bytes.subarray(at);
  };
}

function varInt(bytes, at) {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= bytes.length) return { value: -1, at };
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return { value, at };
}

const readPackets = reader((bytes, from) => {
  if (from >= bytes.length) return -1;
  const { value: length, at } = varInt(bytes, from + 1);
  if (length < 0 || bytes.length < at + length) return -1;
  receive(bytes[from], bytes.subarray(at, at + length));
  return at + length;
});

function receive(first, body) {
  const type = first >> 4;
  if (type === PUBLISH) {
    const topicEnd = 2 + body.readUInt16BE(0);
    const client = body.latin1Slice(2, topicEnd).split('/')[CLIENT_LEVEL];
    const { value: properties, at } = varInt(body, topicEnd + 2);
    const payload = at + properties;
    ask(client, body.latin1Slice(payload + PHONE_AT, payload + PHONE_END), body.readUInt16BE(topicEnd));
  } else if (type === CONNACK) subscribe();
  else if (type === SUBACK) console.log('ready');
  else if (type !== PUBACK && type !== PINGREQ + 1)
    throw new Error(`the broker sent a packet of type ${type}`);
}

/** Every reply is a bulk string: the owner of a session, then a profile. */
const readReplies = reader((bytes, from) => {
  const line = bytes.indexOf('\r\n', from);
  if (line < 0) return -1;
  const start = line + 2;
  const end = start + Number(bytes.latin1Slice(from + 1, line));
  if (bytes.length < end + 2) return -1;
  const [request] = asked;
  if (end < start || request === undefined) throw new Error('the benchmark has not stored what it asks for');
  if (request.owner === undefined) request.owner = bytes.latin1Slice(start, end);
  else answer(asked.shift(), bytes.subarray(start, end));
  return end + 2;
});

const text = (value) => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);

function send(first, ...parts) {
  const body = Buffer.concat(parts);
  broker.write(Buffer.concat([Buffer.of(first, body.length), body]));
}

function subscribe() {
  send(0x82, Buffer.of(0, 1, 0), text('$share/profile/events/1/+/api/+/+/+'), Buffer.of(1));
}

broker.on('data', readPackets);
redis.on('data', readReplies);
broker.on('connect', () => {
  send(0x10, text('MQTT'), Buffer.of(5, 2, 0, 60, 0), text('bare-sockets'));
});
setInterval(() => broker.write(Buffer.of(PINGREQ << 4, 0)), PING_MS).unref();
process.on('SIGTERM', () => process.exit(0));
