import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokerClients, openBrokerClients } from './broker-clients.ts';
import { openDynamicSecurity } from './mqtt/dynamic-security.ts';
import type { Log } from './operating/log.ts';
import { shortenPhone } from './operating/log.ts';
import type { Settings } from './settings.ts';
import type { Sessions } from './store/sessions.ts';

/** Lets the brokers' lists of who may log in follow the sessions in Redis; for a worker that may change those lists. */
export interface SessionFollower {
  /**
   * Take the clients of a phone along whose sessions have ended or moved; can be repeated. Never rejects: what can't be
   * done after some tries is logged, and the request goes on.
   */
  follow(phone: string): Promise<void>;
  close(): Promise<void>;
}

/** Pauses between the tries; the last failure is logged. */
const PAUSES_MS = [200, 1_000, 3_000];

/** @returns `undefined` where the settings don't let the worker do it. */
export function openSessionFollower(
  { urls, clientId, username, password, tls, dynamicSecurity }: Settings['mqtt'],
  sessions: Sessions,
  log: Log,
): SessionFollower | undefined {
  if (!dynamicSecurity) return undefined;
  const brokers = urls.map((url) =>
    openBrokerClients(openDynamicSecurity({ url, clientId: `${clientId}-clients`, username, password, tls })),
  );
  const followIn = async (broker: BrokerClients, phone: string): Promise<void> => {
    for (const pauseMs of [...PAUSES_MS, undefined]) {
      try {
        return await broker.follow(phone, sessions.phoneOf);
      } catch (error) {
        const told = {
          phone: shortenPhone(phone),
          cause: error instanceof Error ? error.message : 'unknown',
        };
        if (pauseMs === undefined)
          log.error(
            told,
            'the broker still lets in clients of a phone that has none: profilectl session remove',
          );
        else await sleep(pauseMs);
      }
    }
  };
  return {
    async follow(phone) {
      await Promise.all(brokers.map((broker) => followIn(broker, phone)));
    },
    async close() {
      await Promise.all(brokers.map((broker) => broker.close()));
    },
  };
}
