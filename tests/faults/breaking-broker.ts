import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProductionBroker } from '../harness/production-broker.ts';
import type { Break, System } from './system.ts';
import { gets, sets, traffic } from './traffic.ts';

/** Change a file of the broker and start it again; the worker finds it by itself. */
async function rewritten(
  { harness: { broker } }: System,
  name: string,
  change: (text: string) => string,
): Promise<() => Promise<void>> {
  const file = join(broker.folder, name);
  const shipped = await readFile(file, 'utf8');
  await writeFile(file, change(shipped));
  await broker.restart();
  return async () => {
    await writeFile(file, shipped);
    await broker.restart();
  };
}

/** A worker of its own at a broker of production. */
const atProduction =
  (
    settingsOf: (settings: Readonly<Record<string, string>>) => Record<string, string>,
    who = 'worker',
  ): Break =>
  async (system) => {
    const broker = await startProductionBroker();
    const scene = await system.another({ MQTT_CLIENT_ID: 'profile-p', ...settingsOf(broker.settings(who)) });
    return { scene, mend: () => broker.server.stop() };
  };

export const breakingBroker: Readonly<Record<string, Break>> = {
  'broker-away': async ({ harness }) => {
    await harness.broker.kill('SIGTERM');
    return { mend: () => harness.broker.restart() };
  },
  'broker-silent': async ({ harness }) => {
    await harness.broker.kill('SIGSTOP');
    return { mend: () => harness.broker.kill('SIGCONT') };
  },
  'broker-password': atProduction((settings) => ({ ...settings, MQTT_PASSWORD: 'another' })),
  'broker-certificate': atProduction((settings) => ({ ...settings, MQTT_CA: '' })),
  'broker-role': atProduction((settings) => settings, 'qa'),
  'broker-host': async (system) => ({
    scene: await system.another({ MQTT_URL: 'mqtt://broker.invalid' }),
    mend: async () => undefined,
  }),
  'broker-clients': async (system) => {
    const broker = await startProductionBroker();
    // A phone whose sessions have ended, and whose clients the broker may still let in.
    const pending = `broker-acl:127.0.0.1:${broker.server.port}`;
    await system.redis.zadd(pending, 0, '380500000000');
    const settings = { ...broker.settings('worker'), MQTT_DYNAMIC_SECURITY: 'on' };
    const scene = await system.another({ MQTT_CLIENT_ID: 'profile-p', ...settings });
    return { scene, mend: () => Promise.all([system.redis.del(pending), broker.server.stop()]) };
  },
  'broker-no-plugin': async (system) => {
    const restore = await rewritten(system, 'mosquitto.conf', (text) => text.replaceAll(/^plugin/gm, '# $&'));
    const stop = await traffic(system, gets);
    return { mend: () => Promise.all([restore(), stop()]) };
  },
  'broker-answers': async (system) => {
    const others = ['topic read #', 'topic write events/#', 'topic write ses/#', 'topic write fence/#'];
    const denied = (text: string) => text.replace('topic readwrite #', others.join('\n'));
    const restore = await rewritten(system, 'acl', denied);
    const stop = await traffic(system, sets);
    return { mend: () => Promise.all([restore(), stop()]) };
  },
  'broker-cut': async (system) => {
    const { relay, scene } = await system.anotherBehind('broker');
    let isCutting = true;
    const cutting = (async () => {
      while (isCutting) {
        relay.cut();
        await sleep(150);
      }
    })();
    return {
      scene,
      async mend() {
        isCutting = false;
        await cutting;
      },
    };
  },
  'broker-twice': async (system) => {
    const scene = await system.another({ MQTT_CLIENT_ID: 'profile-observed' });
    // Both lose connections: in the few seconds that stand for 15 minutes here one alone does not lose enough.
    const prometheus = await system.watch([system.worker, scene.worker]);
    return { scene: { ...scene, prometheus }, mend: async () => undefined };
  },
};
