import { setTimeout as delay } from 'node:timers/promises';
import type { System } from './system.ts';

export const servers = ['mail', 'sts', 'worker', 'redis', 'broker', 'clock', 'rate'] as const;
export type Server = (typeof servers)[number];

/** The parts of the system that trouble can be made with. */
export type Troubled = Pick<System, 'smtp' | 'sts' | 'redis' | 'mosquitto' | 'workers'>;

/** Makes the trouble; resolves with what ends it. @param amount - the number in the order, such as milliseconds. */
type Order = (system: Troubled, amount: number) => Promise<Undo> | Undo;
export type Undo = () => unknown;

export interface Trouble {
  readonly order: Order;
  /** What a client then sees. */
  readonly effect: string;
  /** The amount, if the order names none; absent: it takes none. */
  readonly amount?: number;
  /** Seconds until it ends by itself, if the order names none; default a minute. */
  readonly seconds?: number;
}

/** Longer than a client waits for `added`, shorter than a worker waits for one call to STS. */
const slowMs = 2_000;

const refusing =
  (where: 'rcpt' | 'temporary'): Order =>
  ({ smtp }) => {
    smtp.refuse(where);
    return () => smtp.refuse('none');
  };
const mode =
  (name: Parameters<Troubled['sts']['mode']>[0]): Order =>
  ({ sts }, ms) => {
    sts.mode(name, ms);
    return () => sts.mode('success');
  };
/** Starts all workers again with other settings, and then without them. */
const restarting =
  (settings: (amount: number) => Record<string, string>): Order =>
  async ({ workers }, amount) => {
    for (const worker of workers) await worker.restart(settings(amount));
    return async () => {
      for (const worker of workers) await worker.restart({});
    };
  };
/** Lets programs stand still for so many milliseconds again and again. */
const stuttering =
  (of: (system: Troubled) => readonly Signalled[]): Order =>
  (system, ms) => {
    const programs = of(system);
    const send = (signal: 'SIGSTOP' | 'SIGCONT') => {
      for (const program of programs) void program.kill(signal);
    };
    let isOn = true;
    const going = (async () => {
      while (isOn) {
        send('SIGSTOP');
        await delay(ms);
        send('SIGCONT');
        await delay(50);
      }
    })();
    return async () => {
      isOn = false;
      await going;
    };
  };
interface Signalled {
  kill(signal: 'SIGSTOP' | 'SIGCONT'): unknown;
}
const stopping =
  (of: (system: Troubled) => Troubled['redis']): Order =>
  async (system) => {
    const server = of(system);
    await server.kill('SIGTERM'); // It saves what it has.
    return () => server.restart();
  };

const clock = new URL('clock.mjs', import.meta.url).href;

/** The faults that can be ordered, and what a client then receives. */
export const troubles: Readonly<Record<Server, Readonly<Record<string, Trouble>>>> = {
  mail: {
    slow: {
      amount: slowMs,
      order: ({ smtp }, ms) => {
        smtp.delay(ms);
        return () => smtp.delay(0);
      },
      effect: 'link is answered late; a get meanwhile is not',
    },
    refuse: { order: refusing('rcpt'), effect: 'link is answered email_send' },
    greylist: { order: refusing('temporary'), effect: 'link is answered email_send' },
    hang: {
      order: ({ smtp }) => {
        smtp.hang(true);
        return () => smtp.hang(false);
      },
      effect: 'link is answered email_send after SMTP_TIMEOUT_MS',
    },
  },
  sts: {
    slow: {
      amount: slowMs,
      order: mode('slow'),
      effect: 'aws is answered added, and later with credentials',
    },
    refuse: { order: mode('AccessDenied'), effect: 'aws is answered with the error aws' },
    throttle: { order: mode('Throttling'), effect: 'aws is answered with the error aws, after retries' },
    break: { order: mode('500'), effect: 'aws is answered with the error aws, after retries' },
    hang: { order: mode('hang'), effect: 'aws is answered added, and the error aws after AWS_DEADLINE_MS' },
  },
  worker: {
    down: {
      order: async ({ workers }) => {
        await Promise.all(workers.map((worker) => worker.crash()));
        return () => Promise.all(workers.map((worker) => worker.start()));
      },
      effect: 'no request is answered; when workers are back those of QoS 1 and 2 are',
    },
    slow: { amount: 500, order: stuttering(({ workers }) => workers), effect: 'every answer is late' },
  },
  redis: {
    down: {
      order: stopping(({ redis }) => redis),
      effect: 'no request is answered until Redis is back; then each is',
    },
    slow: { amount: 500, order: stuttering(({ redis }) => [redis]), effect: 'every answer is late' },
  },
  broker: {
    down: {
      seconds: 10,
      order: stopping(({ mosquitto }) => mosquitto),
      effect: 'every client is cut off, and connects again',
    },
    slow: { amount: 500, order: stuttering(({ mosquitto }) => [mosquitto]), effect: 'every message is late' },
  },
  clock: {
    off: {
      amount: 3_600,
      order: restarting((seconds) => ({
        DEV_CLOCK_OFFSET_MS: String(seconds * 1_000),
        NODE_OPTIONS: `--import=${clock}`,
      })),
      effect:
        'the workers’ clocks are fast by so many seconds: update is of then, codes and credentials last as ever',
    },
  },
  rate: {
    limit: {
      amount: 1,
      order: restarting((perSecond) => ({ CLIENT_RATE: String(perSecond), CLIENT_BURST: String(perSecond) })),
      effect: 'a client that asks more often in a second is answered too_many_requests',
    },
  },
};
