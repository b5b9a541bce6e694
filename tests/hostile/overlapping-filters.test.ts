/** mosquitto/plugin/client_identity.c: filters that overlap below the answers multiply an answer a few times, not thousands. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import { startHarness } from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';

const harness = await startHarness();
after(() => harness.stop());

/** As many levels as a Response Topic may have below `actions/1/api/<client>`. */
const levels = Array.from({ length: 12 }, (_, index) => `l${index}`);

/** The levels with `+` in place of those whose bit is set. */
const masked = (mask: number): string =>
  levels.map((level, index) => ((mask >> index) & 1 ? '+' : level)).join('/');

const NOT_AUTHORIZED = 0x87;

/** @returns the reason code for each filter; MQTT.js reports refusals as an error. */
const subscribe = (mqtt: MqttClient, filters: string[]): Promise<readonly number[]> =>
  new Promise((resolve) => {
    mqtt.subscribe(filters, { qos: 0 }, (_error, _granted, packet) =>
      resolve((packet?.granted ?? []).map(Number)),
    );
  });

test('one answer comes some 15 times at most, whatever its client subscribes to', async () => {
  const phone = await harness.phone({ mqtt: { protocolVersion: 5 } });
  const own = `actions/1/api/${phone.client}`;
  const ended = levels.map((_, index) => `${own}/${[...levels.slice(0, index), '#'].join('/')}`);
  const masks = Array.from({ length: 4_096 }, (_, mask) => `${own}/${masked(mask)}`);
  const filters = [...ended, `${own}/${levels.join('/')}/#`, ...masks];
  const codes: number[] = [];
  for (let from = 0; from < filters.length; from += 256)
    codes.push(...(await subscribe(phone.mqtt, filters.slice(from, from + 256))));
  assert.equal(codes.filter((code) => code === 0).length, 13 + 2);
  assert.equal(codes.filter((code) => code === NOT_AUTHORIZED).length, filters.length - 15);
  await phone.send(profile({ phone: phone.number, status: 'get' }), {
    qos: 1,
    properties: { responseTopic: `${own}/${levels.join('/')}` },
  });
  await harness.idle();
  await phone.fence();
  const around = ['+/1/api', 'actions/+/+', '$share/g/actions/1/api'].map(
    (head) => `${head}/${phone.client}/+/l1`,
  );
  const codesAround = await subscribe(phone.mqtt, [...around, `actions/1/api/+/+/l1`]);
  assert.deepEqual(new Set(codesAround), new Set([NOT_AUTHORIZED]));
  assert.ok(phone.answers.length >= 1 && phone.answers.length <= 15, `${phone.answers.length} copies`);
});
