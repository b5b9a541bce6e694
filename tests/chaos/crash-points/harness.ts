/** A broker, a Redis, and one worker between relays that is struck during a request. */
import { Redis } from 'ioredis';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import type { Server } from '../../../dev/servers/process.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import type { Stores } from '../../../src/store/index.ts';
import { openStoresOf } from '../../harness/direct-calls.ts';
import { eventually } from '../../harness/eventually.ts';
import { Phone } from '../../harness/phone.ts';
import type { Relay } from '../../harness/relay.ts';
import { relayBroker, type Strike, Watch, type Watching } from './faults.ts';
import { lay, phones, type Scene, scenes } from './scenes.ts';
import { messagesOf, stateOf } from './state.ts';
import { type RelayedWorker, startRelayed } from './worker.ts';

/** The harm to the worker: none, its connection to Redis is cut, or it is killed. */
export type Fault = 'none' | 'cut' | 'killed';

/** One request, and all its effects. */
export interface Run {
  /** Whether the request reached the point of the strike. */
  readonly isStruck: boolean;
  /** What the worker sent, until it was struck. */
  readonly events: readonly string[];
  readonly state: Record<string, unknown>;
  readonly answers: readonly string[];
  readonly notices: readonly string[];
}

/** A key of Redis with its whole value. */
interface Kept {
  readonly key: string;
  readonly dump: Buffer;
  readonly milliseconds: number;
}

interface Deps {
  readonly broker: Server;
  readonly redis: Server;
  readonly database: Redis;
  readonly stores: Stores;
  readonly closeStores: () => Promise<void>;
  readonly relay: Relay;
  readonly watching: Watching;
  readonly listener: Phone;
  readonly askers: ReadonlyMap<string, Phone>;
  readonly worker: RelayedWorker;
}

export class CrashHarness {
  readonly #parts: Deps;
  readonly #laid = new Map<Scene, Kept[]>();
  readonly #killed: Promise<void>[] = [];
  #worker: RelayedWorker;
  /** Started ahead, because the start takes longer than all else. */
  #spare: Promise<RelayedWorker> | undefined;

  constructor(deps: Deps) {
    this.#parts = deps;
    this.#worker = deps.worker;
  }

  static async start(): Promise<CrashHarness> {
    const [broker, redis] = await Promise.all([startMosquitto({ persistence: false }), startRedis()]);
    const watching: Watching = { watch: undefined };
    const relay = await relayBroker(broker, watching);
    const worker = await startRelayed(redis, relay, watching);
    await eventually('the worker is ready', () => worker.process.log().includes('"msg":"ready"'));
    relay.isOpen = false;
    const { stores, close } = await openStoresOf({ redis });
    const listener = await new Phone('listener', '00000').connect(broker.url, {});
    await listener.mqtt.subscribeAsync(['actions/#', 'ses/#'], { qos: 1 });
    const names = [...new Set(scenes.map(({ client }) => client))];
    const askers = await Promise.all(
      names.map(async (name) => [name, await new Phone(name, '00000').connect(broker.url, {})] as const),
    );
    return new CrashHarness({
      broker,
      redis,
      database: new Redis(redis.url),
      stores,
      closeStores: close,
      relay,
      watching,
      listener,
      askers: new Map(askers),
      worker,
    });
  }

  /** Sends a scene's request, strikes as configured, and waits until the broker has its acknowledgement. */
  async run(scene: Scene, strike: Strike | undefined, harm: Fault): Promise<Run> {
    const { watching, listener, askers, database } = this.#parts;
    await this.#restore(scene);
    const startedAt = Date.now();
    const watch = new Watch(strike);
    watching.watch = watch;
    await askers.get(scene.client)?.send(scene.request, { qos: 1 });
    await inTime(watch);
    // The notices come after the acknowledgement.
    await eventually('it is struck, or over', async () => watch.isStruck || (await this.#isOver()));
    const { isStruck } = watch;
    if (isStruck) {
      const rest = new Watch(undefined);
      watching.watch = rest;
      if (harm === 'killed') await this.#replaceWorker();
      else this.#worker.redis.cut();
      if (!watch.isAcknowledged) await inTime(rest);
      await eventually('the contacts are notified', () => this.#isOver());
    }
    watching.watch = undefined;
    await listener.fence();
    return {
      isStruck,
      events: watch.events,
      state: { redis: await stateOf(database, startedAt), rosters: await this.#readRosters() },
      answers: messagesOf(listener.answers.splice(0), startedAt),
      notices: messagesOf(listener.notices.splice(0), startedAt),
    };
  }

  async stop(): Promise<void> {
    const { broker, redis, relay, database, closeStores, listener, askers } = this.#parts;
    for (const worker of [this.#worker, await this.#spare]) await (await worker?.kill())?.removed;
    await Promise.all(this.#killed);
    await Promise.all([listener, ...askers.values()].map(({ mqtt }) => mqtt.endAsync(true)));
    await closeStores();
    database.disconnect();
    await relay.stop();
    await Promise.all([broker.stop(), redis.stop()]);
  }

  /** Kills the worker, and lets another one take over its session at the broker. */
  async #replaceWorker(): Promise<void> {
    const { relay, listener } = this.#parts;
    this.#killed.push((await this.#worker.kill()).removed);
    relay.cut();
    await this.#lapse();
    // The broker has now read all packets of the killed worker.
    await listener.fence();
    this.#worker = await (this.#spare ?? this.#startSpare());
    relay.admit();
    this.#spare = this.#startSpare();
  }

  /** Whether no contacts are to be notified any more. */
  async #isOver(): Promise<boolean> {
    return (await this.#parts.database.keys('fan-out*')).length === 0;
  }

  /** As if time had passed: the killed worker's leases end, and what it has left is due. */
  async #lapse(): Promise<void> {
    const { database } = this.#parts;
    const leases = await database.keys('fan-out:*:telling');
    if (leases.length > 0) await database.unlink(leases);
    for (const queue of await database.keys('fan-outs:*'))
      for (const phone of await database.zrange(queue, '0', '-1'))
        await database.zadd(queue, 'XX', '0', phone);
  }

  #startSpare(): Promise<RelayedWorker> {
    const { redis, relay, watching } = this.#parts;
    return startRelayed(redis, relay, watching);
  }

  /** Fills Redis with the scene's initial data, and nothing else. */
  async #restore(scene: Scene): Promise<void> {
    const { database } = this.#parts;
    const kept = this.#laid.get(scene) ?? (await this.#lay(scene));
    const restoring = database.pipeline().flushall();
    for (const { key, dump, milliseconds } of kept) restoring.restore(key, Math.max(0, milliseconds), dump);
    await restoring.exec();
  }

  async #lay(scene: Scene): Promise<Kept[]> {
    const { database, stores } = this.#parts;
    await database.flushall();
    await lay(scene, stores, async (client, phone) => {
      await database.hset(`session:${client}`, { phone });
      await database.sadd(`sessions:{${phone}}`, client);
    });
    const kept = await Promise.all(
      (await database.keys('*')).map(async (key) => ({
        key,
        dump: await database.dumpBuffer(key),
        milliseconds: await database.pttl(key),
      })),
    );
    this.#laid.set(scene, kept);
    return kept;
  }

  /** The profiles, as a `get` would answer them. */
  async #readRosters(): Promise<Record<string, string>> {
    const read = async (phone: string) => {
      const profile = await this.#parts.stores.profiles.read(phone);
      return [phone, Buffer.from(profile?.rosters ?? []).toString('latin1')] as const;
    };
    return Object.fromEntries(await Promise.all(phones.map(read)));
  }
}

/** How a watched request ended; fails if it doesn't. */
async function inTime(watch: Watch): Promise<'struck' | 'acknowledged'> {
  let how: 'struck' | 'acknowledged' | undefined;
  void watch.over.then((ending) => {
    how = ending;
  });
  await eventually('the request is struck, or acknowledged', () => how !== undefined);
  return await watch.over;
}
