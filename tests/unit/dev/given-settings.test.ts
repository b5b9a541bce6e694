/** Which settings `npm run dev` takes from the environment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { givenSettings } from '../../../dev/given-settings.ts';

const own = { MQTT_URL: 'mqtt://127.0.0.1:1', LOG_LEVEL: 'info' };

test('a setting is taken, also one from a file; other variables and empty ones are not', () => {
  const environment = { CLIENT_RATE: '5', MAIL_SUBJECT_FILE: '/subject', CLIENT_BURST: '', NO_SETTING: '1' };
  const { taken, left } = givenSettings(environment, own);
  assert.deepEqual(taken, { CLIENT_RATE: '5', MAIL_SUBJECT_FILE: '/subject' });
  assert.deepEqual(left, []);
});

test('what the system sets or decides is not taken, and is named', () => {
  const environment = {
    ...{ MQTT_URL: 'mqtt://nowhere', MQTT_URL_FILE: '/url', LOG_LEVEL: 'info' },
    ...{ REDIS_KEY_PREFIX: 'mine:', CLIENT_IDENTITY: 'token' },
  };
  const { taken, left } = givenSettings(environment, own);
  assert.deepEqual(taken, {});
  assert.deepEqual(left, ['MQTT_URL', 'MQTT_URL_FILE', 'CLIENT_IDENTITY', 'REDIS_KEY_PREFIX']);
});
