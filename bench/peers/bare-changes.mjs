// What anybody else would pay for the same changes: MQTT.js and ioredis as they are. It looks up session, state and
// record together, writes the same fields and the same record of what is done in one MULTI, and sends a ready answer.
// It checks nothing, and acknowledges before the work.
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { connect } from 'mqtt';

/** Where the digits of the phone are in every request of the benchmarks: 131, tuple, 'Profile', binary. */
const PHONE_AT = 18;
const PHONE_END = 30;
const CLIENT_LEVEL = 5;

/** The last of a request is an atom of its kind: `d`, two bytes of length, the name. */
const kinds = { get: 3, set: 3, update: 6, email: 5 };

/** Where an update has its time, from the end: before it are time, balance, presence and kind. */
const TIME_FROM_END = 26;
const TIME_BYTES = 6;
const storedTime = Buffer.alloc(TIME_BYTES);
storedTime.writeUIntLE(1_700_000_000_000, 0, TIME_BYTES);

const RECORD_SECONDS = 600;
const redis = new Redis(process.env.REDIS_URL ?? '');
const broker = connect(process.env.MQTT_URL ?? '', { protocolVersion: 5, clientId: 'bare-changes' });
let versions = 0;

broker.on('connect', async () => {
  // Without it answers wait for delayed acknowledgements, 40 ms and more.
  if ('setNoDelay' in broker.stream) broker.stream.setNoDelay(true);
  await broker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  console.log('ready');
});

broker.on('message', async (topic, payload, packet) => {
  const client = topic.split('/')[CLIENT_LEVEL];
  const phone = payload.toString('latin1', PHONE_AT, PHONE_END);
  const kind = kindOf(payload);
  const hash = createHash('sha1').update(`${topic} ${packet.messageId}`).update(payload).digest();
  const done = `done:{${phone}}:${hash.toString('hex', 0, 1)}`;
  const field = hash.subarray(1, 11);
  const profile = `profile:{${phone}}`;
  const [owner, [version, settings], answer, record] = await Promise.all([
    redis.hget(`session:${client}`, 'phone'),
    redis.hmgetBuffer(profile, 'version', 'settings'),
    redis.getBuffer(`ready:{${phone}}:${kind}`),
    redis.hgetBuffer(done, field),
  ]);
  if (owner === null || version === null || answer === null)
    throw new Error('the benchmark has not stored what it asks for');
  // Packet identifiers come round after 65,535 messages: without DUP the record is of an earlier request.
  if (record !== null && packet.dup) return; // answered before
  const next = `v${versions++}`;
  const time =
    kind === 'update' ? payload.readUIntLE(payload.length - TIME_FROM_END, TIME_BYTES) : Date.now();
  const writes = redis.multi();
  if (kind === 'email') await redis.hmget(`verify:{${phone}}`, 'code', 'expires', 'tries');
  if (kind === 'set') writes.hset(profile, { version: next, update: time, settings, presence: 'online' });
  if (kind === 'update') writes.hset(profile, { version: next, update: time, presence: 'online' });
  await writes
    .hset(done, field, kind === 'email' ? 'wrong_code' : next)
    .expire(done, RECORD_SECONDS)
    .exec();
  const timeAt = answer.lastIndexOf(storedTime);
  if (timeAt >= 0) answer.writeUIntLE(time, timeAt, TIME_BYTES);
  broker.publish(`actions/1/api/${client}`, answer, { qos: 1 });
});

function kindOf(payload) {
  for (const [kind, length] of Object.entries(kinds))
    if (payload.latin1Slice(payload.length - length) === kind) return kind;
  throw new Error('the benchmark has another kind of request');
}

process.on('SIGTERM', () => process.exit(0));
