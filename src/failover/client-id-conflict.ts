import type { BrokerConnection } from '../mqtt/connection.ts';
import { claimMs, openClientIdClaim } from '../store/client-id-claims.ts';
import { fleetOf } from '../store/fleet.ts';
import type { Database } from '../store/redis/database.ts';
import type { Log } from '../telemetry/log.ts';

interface ClientIdConflictDeps {
  readonly claim: Pick<ReturnType<typeof openClientIdClaim>, 'claim'>;
  /** Called each time that the other process was noticed. */
  readonly onConflict: () => void;
  readonly log: Log;
}

/** Notices a second process with this worker's client id: both are connected in turn, and each cuts the other off. */
export class ClientIdConflict {
  readonly #deps: ClientIdConflictDeps;
  #isAsking = false;
  #noticedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: ClientIdConflictDeps) {
    this.#deps = deps;
  }

  /** Follow one of this worker's own connections. */
  watch(broker: Pick<BrokerConnection, 'onState'>): void {
    let was = false;
    broker.onState(({ subscribed }) => {
      if (subscribed && !was) void this.#claim();
      was = subscribed;
    });
  }

  /** What `/readyz` says while the other one is there, connected or not. */
  remarks(): string[] {
    return this.#isNoticed ? [CONFLICT] : [];
  }

  get #isNoticed(): boolean {
    return performance.now() - this.#noticedAt < claimMs;
  }

  async #claim(): Promise<void> {
    // While Redis is away one claim waits for it; there is nothing to learn from a second.
    if (this.#isAsking) return;
    this.#isAsking = true;
    const { claim, onConflict, log } = this.#deps;
    try {
      if (!(await claim.claim())) return;
      if (!this.#isNoticed) log.error(CONFLICT);
      this.#noticedAt = performance.now();
      onConflict();
    } catch (error) {
      log.warn({ err: error }, 'cannot tell whether another worker has the same MQTT_CLIENT_ID');
    } finally {
      this.#isAsking = false;
    }
  }
}

export function openClientIdConflict(
  redis: Database,
  mqtt: { readonly clientId: string; readonly shareGroup: string; readonly urls: readonly string[] },
  deps: Omit<ClientIdConflictDeps, 'claim'>,
): ClientIdConflict {
  return new ClientIdConflict({ ...deps, claim: openClientIdClaim(redis, fleetOf(mqtt), mqtt.clientId) });
}

const CONFLICT =
  'another worker has the same MQTT_CLIENT_ID: each ends the connection of the other; give each its own';
