/** `redis+sentinel://…`: another server becomes the master while phones ask. */
import { test } from 'node:test';
import { startSentinels } from '../../src/dev/servers/sentinel.ts';
import { startRedisStage } from './redis-fixture.ts';
import { eventually } from './stage/stage.ts';

test('a master that dies, freezes or hands over: what is asked meanwhile is answered by the next, and nothing confirmed is lost', async (t) => {
  const sentinels = await startSentinels();
  const { set, isStored, ready } = await startRedisStage(t, sentinels);
  // A Sentinel may choose who was the master before and has not yet caught up.
  const haveCaughtUp = () => eventually('both replicas follow', () => sentinels.isWhole(), 40_000);
  const isDeposed = async (old: { port: number }) => (await sentinels.master()).port !== old.port;

  await set('before');
  const dying = await sentinels.master();
  await dying.kill('SIGKILL');
  await set('died');
  await ready();
  await dying.restart();
  await haveCaughtUp();
  await isStored('died');

  // Its connections stay open and say nothing, as those of a host that lost its power.
  const freezing = await sentinels.master();
  await freezing.kill('SIGSTOP');
  await set('froze');
  await eventually('another is the master', () => isDeposed(freezing));
  await freezing.kill('SIGCONT');
  await haveCaughtUp();
  await ready();
  await isStored('froze');

  const handing = await sentinels.master();
  await eventually('its replica follows', async () => {
    await sentinels.switchOver();
    return isDeposed(handing);
  });
  // The Sentinels leave it a master for seconds more, which takes changes and forgets them when it is made a replica.
  await set('handed over');
  await haveCaughtUp();
  await ready();
  await isStored('handed over');
});
