// The simplest possible loop: MQTT.js and ioredis as they are, the library's own acknowledgements, no checks of
// requests or clients, and a ready answer in Redis. It reads session and profile together, like the worker.
import { Redis } from 'ioredis';
import { connect } from 'mqtt';

/** Where the digits of the phone are in every request of the benchmarks: 131, tuple, 'Profile', binary. */
const PHONE_AT = 18;
const PHONE_END = 30;
const CLIENT_LEVEL = 5;

const redis = new Redis(process.env.REDIS_URL ?? '');
const broker = connect(process.env.MQTT_URL ?? '', { protocolVersion: 5, clientId: 'bare-loop' });

broker.on('connect', async () => {
  // Without it answers wait for delayed acknowledgements, 40 ms and more.
  if ('setNoDelay' in broker.stream) broker.stream.setNoDelay(true);
  await broker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  console.log('ready');
});

broker.on('message', async (topic, payload) => {
  const client = topic.split('/')[CLIENT_LEVEL];
  const phone = payload.toString('latin1', PHONE_AT, PHONE_END);
  const [owner, profile] = await Promise.all([
    redis.hget(`session:${client}`, 'phone'),
    redis.getBuffer(`ready:{${phone}}`),
  ]);
  if (owner === null || profile === null) throw new Error('the benchmark has not stored what it asks for');
  broker.publish(`actions/1/api/${client}`, profile, { qos: 1 });
});

process.on('SIGTERM', () => process.exit(0));
