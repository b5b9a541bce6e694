import type { RequestRow } from '../handlers/index.ts';
import { ByteBudget } from '../lib/byte-budget.ts';
import type { Delivery } from '../mqtt/connection.ts';
import { type StoredProfile, sizeOf, UnreadProfile } from '../store/stored-profile.ts';
import type { Charging } from './charging.ts';
import { unitsToFetch } from './price.ts';
import type { Admission } from './rate-limiter.ts';

/** What large profiles and the answers that hold them may take together: eight of the largest, on the way to one broker. */
const MAX_BYTES = 8 * 2 ** 20;

/** Smaller ones are read with the session; a full in-flight window of them takes 12 MiB. */
const LARGE_BYTES = 3 * 16_384;

/** A request, as far as it needs a large profile. */
export interface LargeRequest {
  readonly delivery: Delivery;
  /** What it was charged when it was let in. */
  readonly units: number;
  readonly admission: Admission | undefined;
  /** What its large profile was charged, in units. */
  spent: number;
  /** Its profile and its answer are let go. May be called again. */
  endTurn: (() => void) | undefined;
}

/**
 * Large profiles: each is charged when its size is known, before it is read, and is then read when it is its client's turn.
 * So a burst of requests holds few of them at once: in Redis' buffers, here, and on the way to the broker.
 */
export class LargeProfiles {
  readonly #charging: Charging;
  /** One for each broker: answers may wait for one that is away. */
  readonly #budgets = new WeakMap<object, ByteBudget>();

  constructor(charging: Charging) {
    this.#charging = charging;
  }

  /**
   * @param stored - as it was read with the request.
   * @param asking - whose turn it is to be: the phone that asks, or a client without one.
   * @returns the profile, at once if it is small; `too_many_requests` if the client is in debt.
   */
  fetch(
    request: LargeRequest,
    stored: StoredProfile | UnreadProfile | undefined,
    asking: string,
    row: RequestRow,
  ): StoredProfile | undefined | Promise<StoredProfile | undefined | 'too_many_requests'> {
    if (stored === undefined) return undefined;
    if (stored instanceof UnreadProfile) return this.#fetch(request, stored, asking, row);
    const bytes = sizeOf(stored);
    if (bytes <= LARGE_BYTES) return stored;
    return this.#fetch(request, new UnreadProfile(bytes, async () => stored), asking, row);
  }

  async #fetch(
    request: LargeRequest,
    { bytes, read }: UnreadProfile,
    asking: string,
    row: RequestRow,
  ): Promise<StoredProfile | undefined | 'too_many_requests'> {
    const price = unitsToFetch(bytes);
    if (!this.#charging.admitToFetch(request, price)) return 'too_many_requests';
    request.spent = price;
    request.endTurn = await this.#budgetOf(request.delivery.broker).take(asking, bytes);
    const profile = await read();
    // It waits for a mail server or STS, and must not hold others up meanwhile. Few of them wait.
    if (row.limiter === 'mail' || row.limiter === 'sts') request.endTurn();
    return profile;
  }

  #budgetOf(broker: object): ByteBudget {
    let budget = this.#budgets.get(broker);
    if (budget === undefined) {
      budget = new ByteBudget(MAX_BYTES);
      this.#budgets.set(broker, budget);
    }
    return budget;
  }
}
