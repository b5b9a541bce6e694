import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../config/settings.ts';
import { inTime } from '../lib/in-time.ts';
import { openClientIdClaim } from '../store/client-id-claims.ts';
import { fleetOf } from '../store/fleet.ts';
import { type Database, openRedis } from '../store/redis/database.ts';
import { type RedisFault, redisFault } from '../store/redis/faults.ts';
import { probeRedis, type RedisProbe, type Refusal } from '../store/redis/probe.ts';
import type { Finding } from './doctor-finding.ts';
import { workersElsewhere } from './doctor-workers.ts';

const patienceMs = 5_000;

/** Credentials and idempotency records last for minutes; a clock that is this wrong is not synchronised at all. */
const maxClockDifferenceMs = 5_000;

/** Checks Redis: the connection, and what a request needs there: a write, scripts, rights, the clock, no eviction. */
export async function checkRedis({ mqtt, redis: { url, keyPrefix, access } }: Settings): Promise<Finding[]> {
  const redis = openRedis(url, keyPrefix, () => undefined, access);
  try {
    const isThere = await isReady(redis);
    const probe = isThere ? await within(probeRedis(redis)) : undefined;
    return probe === undefined
      ? [failure(redis.state.fault ?? redisFault('silent'))]
      : [
          ...findings(probe),
          ...(await conflict(redis, mqtt)),
          ...((await within(workersElsewhere(redis, mqtt).catch(() => []))) ?? []),
        ];
  } finally {
    await redis.close();
  }
}

/** After an error the client tries once more, and looks for its cause meanwhile. */
const secondTryMs = 1_000;

async function isReady(redis: Database): Promise<boolean> {
  const ready = () => once(redis.connection, 'ready').then(() => true);
  const first = await within(ready().catch(() => 'error' as const));
  if (first !== 'error') return first === true;
  return (
    (await within(
      ready().catch(() => sleep(secondTryMs, false)),
      secondTryMs,
    )) === true
  );
}

/** @returns undefined if it takes too long. */
const within = <T>(work: Promise<T>, timeoutMs = patienceMs): Promise<T | undefined> =>
  inTime(work, timeoutMs, undefined);

function failure({ cause, advice }: RedisFault): Finding {
  return { check: 'redis', state: 'failed', saw: cause, advice };
}

function findings(probe: RedisProbe): Finding[] {
  return [
    { check: 'redis', state: 'ok', saw: 'takes connections' },
    write(probe.write),
    scripts(probe),
    clock(probe.clockAheadMs),
    eviction(probe.evictionPolicy),
  ];
}

/** Two workers with one client id, which only their turns show. */
async function conflict(redis: Database, mqtt: Settings['mqtt']): Promise<Finding[]> {
  const claim = openClientIdClaim(redis, fleetOf(mqtt), mqtt.clientId);
  if (!(await within(claim.isDisputed().catch(() => false)))) return [];
  const saw = `two workers connect as ${mqtt.clientId}: each ends the connection of the other`;
  return [
    { check: 'client id', state: 'failed', saw, advice: 'give each worker a MQTT_CLIENT_ID of its own' },
  ];
}

function write(refusal: Refusal | undefined): Finding {
  const check = 'redis write';
  if (refusal === undefined) return { check, state: 'ok', saw: 'a key was written, read and deleted' };
  return { check, state: 'failed', ...wordsOf(refusal) };
}

function wordsOf({ fault, command }: Refusal): { saw: string; advice: string } {
  return {
    saw:
      command === undefined
        ? (fault?.cause ?? 'an error that is not known')
        : `our user may not run ${command} (NOPERM)`,
    advice: fault?.advice ?? 'see the log of Redis',
  };
}

function scripts({ write: refusal, scripts: own, denied, absent }: RedisProbe): Finding {
  const check = 'redis scripts';
  const { advice } = redisFault('no_rights');
  if (absent.length > 0)
    return {
      check,
      state: 'failed',
      saw: `it does not have ${absent.join(', ')}`,
      advice: redisFault('no_command').advice,
    };
  if (denied.length > 0)
    return { check, state: 'failed', saw: `our user may not run ${denied.join(', ')} (NOPERM)`, advice };
  if (own === undefined) return { check, state: 'ok', saw: 'EVAL and EVALSHA run, with all commands' };
  // The same cause stops both.
  if (refusal?.fault !== undefined && refusal.fault.name === own.fault?.name && own.command === undefined)
    return { check, state: 'skipped', saw: 'for the same reason' };
  return { check, state: 'failed', ...wordsOf(own) };
}

function clock(aheadMs: number | undefined): Finding {
  const check = 'redis clock';
  if (aheadMs === undefined) return { check, state: 'skipped', saw: 'it does not say its time' };
  const seconds = Math.abs(Math.round(aheadMs / 1000));
  if (Math.abs(aheadMs) <= maxClockDifferenceMs) return { check, state: 'ok', saw: 'agrees with ours' };
  return {
    check,
    state: 'failed',
    saw: `it is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`,
    advice: 'synchronise the clocks of both machines (NTP); see `timedatectl`',
  };
}

function eviction(policy: string | undefined): Finding {
  const check = 'redis memory';
  if (policy === undefined) return { check, state: 'skipped', saw: 'our user may not run INFO' };
  if (policy === 'noeviction') return { check, state: 'ok', saw: 'maxmemory-policy is noeviction' };
  return {
    check,
    state: 'failed',
    saw: `maxmemory-policy is ${policy}`,
    advice: 'with noeviction Redis refuses to write when it is full, instead of losing profiles',
  };
}
