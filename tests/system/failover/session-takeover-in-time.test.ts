/** With the default times, and names like pods of a Deployment: no request waits for a killed worker for long. */

import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, startHarness } from '../../harness/harness.ts';
import { profile } from '../../harness/terms.ts';

test('two of three workers are killed at once and never come back: every request is answered', async (t) => {
  const harness = await startHarness({ workers: 0 });
  t.after(() => harness.stop());
  const victims = [];
  for (let count = 0; count < 3; count++) {
    const pod = `profile-6c9d5b7f4-${Math.random().toString(36).slice(2, 7)}`;
    victims.push(await harness.startWorker({ MQTT_CLIENT_ID: pod }));
  }
  const phone = await harness.phone();
  const ask = async (number: number): Promise<void> => {
    const properties = { correlationData: Buffer.from(`${number}`) };
    await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1, properties });
  };
  const count = 300;
  for (let number = 0; number < count / 2; number++) await ask(number);
  for (const victim of victims.slice(1)) void victim.process.kill('SIGKILL');
  // Includes requests that the broker sends to the killed workers before anybody detects their exit.
  for (let number = count / 2; number < count; number++) {
    await ask(number);
    await sleep(10);
  }
  const answered = () => new Set(phone.answers.map(({ properties }) => `${properties?.correlationData}`));
  await eventually('all are answered', () => answered().size === count);
});
