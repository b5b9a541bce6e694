/** Requests for large profiles, many at once: few are read and answered at a time, and no more than the client may have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { largeParts, request } from '../../bench/flood/payloads.ts';
import { isProfile } from '../../bench/flood/session.ts';
import { Device } from '../../bench/load/device.ts';
import { publishPacket } from '../../bench/packets.ts';
import { eventually, type Harness, startHarness } from '../harness/harness.ts';

const PROFILE_BYTES = 900_000;
/** A unit of the rate pays for so much of a large profile. */
const UNIT_BYTES = 8_192;

const get = (phone: string): Buffer => publishPacket('events/1//api/anon//', request(phone, 'get'));

interface Asker {
  readonly phone: string;
  readonly device: Device;
}

/** A client that nobody knows yet, whose phone has a large profile. */
async function askerOf(harness: Harness, place: number): Promise<Asker> {
  const phone = `${380_671_110_000 + place}`;
  const [writer, reader] = await Promise.all(
    ['writes', 'reads'].map(async (what) => {
      await harness.signIn(`${what}-${place}`, phone);
      const address = { host: '127.0.0.1', port: harness.broker.port };
      const device = await Device.connect(address, `${what}-${place}`, { qos: 1, numbers: [] });
      device.onBroken = () => undefined;
      harness.onStop(async () => device.disconnect());
      return device;
    }),
  );
  assert.ok(writer && reader);
  const [rosters] = largeParts;
  assert.ok(isProfile(await writer.answer(rosters?.(phone, PROFILE_BYTES) ?? assert.fail())));
  return { phone, device: reader };
}

/** What Redis has answered since now, in bytes. */
async function startCounting({ database }: Harness): Promise<() => Promise<number>> {
  const read = async () => Number(/total_net_output_bytes:(\d+)/.exec(await database.info('stats'))?.[1]);
  const before = await read();
  return async () => (await read()) - before;
}

test('a client that no worker knows asks 400 times at once: Redis answers what its bucket pays for', async (t) => {
  const [rate, burst] = [50, 500];
  const harness = await startHarness({
    redis: {},
    workers: 2,
    settings: { CLIENT_RATE: `${rate}`, CLIENT_BURST: `${burst}` },
  });
  t.after(() => harness.stop());
  const { phone, device } = await askerOf(harness, 0);
  await harness.idle();
  const answered = await startCounting(harness);
  const begun = performance.now();
  const before = await harness.metric('profile_requests_total{kind="get",result="ok",lane="fast"}');
  device.pause();
  for (let asked = 0; asked < 400; asked++) device.write(get(phone));
  await eventually('all are answered', async () => {
    const refused = 'profile_requests_total{kind="get",result="too_many_requests",lane="fast"}';
    const ok = await harness.metric('profile_requests_total{kind="get",result="ok",lane="fast"}');
    return ok - before + (await harness.metric(refused)) >= 400;
  });
  const bytes = await answered();
  // Two workers fill a bucket each before they hear of each other, and each lets one in that makes a debt.
  const units = 2 * burst + (rate * (performance.now() - begun)) / 1_000;
  const allowed = units * UNIT_BYTES + 2 * PROFILE_BYTES + 2 ** 20;
  assert.ok(bytes < allowed, `${bytes} of ${allowed} bytes`);
  assert.ok(bytes > PROFILE_BYTES, 'it had some');
});

test('thirty clients ask for a large profile each while the broker confirms nothing: ten megabytes are read, and in the end all', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 1 });
  t.after(() => harness.stop());
  const askers: Asker[] = [];
  for (let place = 0; place < 30; place++) askers.push(await askerOf(harness, place));
  const relay = await harness.relay();
  const worker = await harness.startWorker({ MQTT_CLIENT_ID: 'profile-9', MQTT_URL: relay.url });
  await harness.worker.process.stop();
  await worker.tookOver();
  const answered = await startCounting(harness);
  relay.hold('up');
  const answers = askers.map(({ device, phone }) => device.answer(request(phone, 'get')));
  await eventually('all are in flight', async () => (await worker.metric('profile_in_flight')) === 30);
  await eventually('some are read', async () => (await answered()) > 5 * PROFILE_BYTES);
  // A request that is not held back reads its profile before this answer comes.
  for (let times = 0; times < 20; times++) await worker.metric('profile_in_flight');
  const bytes = await answered();
  assert.ok(bytes < 11 * PROFILE_BYTES, `${bytes} bytes`);
  relay.release();
  for (const answer of await Promise.all(answers)) assert.ok(isProfile(answer));
});
