import { connectAsync, type MqttClient } from 'mqtt';
import { encodeFragment, type Term } from '../src/etf/index.ts';
import { readRosters } from '../src/protocol/roster.ts';
import { openStores } from '../src/store/index.ts';
import { openRedis } from '../src/store/redis/database.ts';
import { type Load, type RunningContender, startLoad, type Usage } from './contender.ts';
import { type BenchOptions, withContenders, worker } from './contest.ts';
import type { Progress } from './rounds.ts';
import { type Section, type Spread, spreadOf } from './table.ts';
import { counterpartyOf, phoneOf, rosterOf, rostersOf } from './workloads.ts';

const contacts = 1_000;

/** Other phones that send requests meanwhile. */
const others = 8;

/** An `update` of a profile with many mutual contacts: its cost, and its effect on others. */
export function benchFanOut({ quick, progress }: BenchOptions): Promise<Section[]> {
  return withContenders([worker], progress, async ([running], gets) => {
    if (running === undefined) throw new Error('the worker is missing');
    const updates = startLoad();
    const listener = await connectAsync(`mqtt://127.0.0.1:${running.brokerPort}`);
    try {
      progress(`storing ${contacts} contacts`);
      await storeContacts(running);
      await listener.subscribeAsync('ses/#', { qos: 1 });
      const update = () => updateOnce(running, updates, listener);
      return [await measure({ running, gets, update }, quick ? 5 : 15, progress)];
    } finally {
      await updates.stop();
      await listener.endAsync(true);
    }
  });
}

/** @returns when all contacts have received the notice. */
async function updateOnce(
  { brokerPort: port }: RunningContender,
  updates: Load,
  listener: MqttClient,
): Promise<void> {
  let notices = 0;
  const all = new Promise<void>((resolve) => {
    listener.on('message', () => {
      if (++notices === contacts) resolve();
    });
  });
  await updates.run({ port, contacts, kind: 'update', inFlight: 1, milliseconds: 0 });
  await all;
  listener.removeAllListeners('message');
}

interface FanOutHarness {
  readonly running: RunningContender;
  readonly gets: Load;
  readonly update: () => Promise<void>;
}

async function measure(
  { running, gets, update }: FanOutHarness,
  rounds: number,
  progress: Progress,
): Promise<Section> {
  const get = () =>
    gets.run({
      port: running.brokerPort,
      contacts: 0,
      kind: 'get',
      first: 1,
      inFlight: others,
      milliseconds: 400,
    });
  const [cpu, all, alone, meanwhile]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    progress(round < 1 ? 'warming up' : `update with ${contacts} contacts: round ${round} of ${rounds}`);
    const before = await running.usage();
    await update();
    const after = await running.usage();
    const quiet = await get();
    let isAsking = true;
    const asking = get().finally(() => {
      isAsking = false;
    });
    while (isAsking) await update();
    const busy = await asking;
    if (round < 1) continue;
    cpu.push((after.cpuMicros - before.cpuMicros) / contacts);
    all.push((allMicrosOf(after) - allMicrosOf(before)) / contacts);
    alone.push(quiet.p99Micros);
    meanwhile.push(busy.p99Micros);
  }
  return sectionOf([spreadOf(cpu), spreadOf(all)], alone, meanwhile);
}

const warmUpRounds = 10;

const allMicrosOf = ({ cpuMicros, redisMicros, brokerMicros }: Usage): number =>
  cpuMicros + redisMicros + brokerMicros;

function sectionOf(
  [cpu, all]: [Spread, Spread],
  alone: readonly number[],
  meanwhile: readonly number[],
): Section {
  const ratio = spreadOf(meanwhile.map((micros, round) => micros / (alone[round] ?? Number.NaN)));
  const columns = ['CPU µs a contact', 'all µs a contact', 'p99 µs of others alone', 'p99 µs meanwhile'];
  return {
    title: `update, ${contacts} mutual contacts, ${others} others ask`,
    columns,
    rows: [{ name: worker.name, figures: [cpu, all, spreadOf(alone), spreadOf(meanwhile)] }],
    goals: [
      { text: 'CPU µs of worker, Redis and broker a contact', ratio: all, atMost: 30 },
      { text: 'p99 of others meanwhile beside alone', ratio, atMost: 1.5 },
    ],
  };
}

/** The first phone and its contacts have each other. */
async function storeContacts({ redisUrl }: RunningContender): Promise<void> {
  const redis = openRedis(redisUrl, '', () => undefined);
  const { profiles } = openStores(redis, {
    doneSeconds: 60,
    verifySecret: 'benchmark',
    credentialsKeys: [],
    askingLapseMs: 0,
    fleet: 'benchmark',
  });
  const hold = async (phone: string, rosters: Term[]): Promise<void> => {
    const request = { phone, key: 'benchmark', record: '' };
    const before = await profiles.read(phone);
    await profiles.change(request, before, 'ok', () => ({
      rosters: readRosters(encodeFragment(rosters)) ?? [],
    }));
  };
  await hold(phoneOf(0), rostersOf(contacts));
  const places = Array.from({ length: contacts }, (_, index) => index);
  await Promise.all(places.map((index) => hold(counterpartyOf(index), [rosterOf([`${phoneOf(0)}_1`])])));
  await redis.close();
}
