import type { Limits } from '../etf/index.ts';
import type { Context } from '../handlers/handler.ts';
import { knownKinds, type RequestKind } from '../handlers/index.ts';
import type { Delivery } from '../mqtt/connection.ts';
import { readProfile, type SentProfile } from '../protocol/profile.ts';
import type { EventTopic, Topics } from '../protocol/topics.ts';
import type { Deadline } from '../store/redis/retry.ts';
import type { Log } from '../telemetry/log.ts';
import type { IgnoreReason } from '../telemetry/metrics.ts';
import type { Authenticator } from './authenticator.ts';
import type { Charging, Unread } from './charging.ts';
import type { LargeRequest } from './large-profiles.ts';
import { unitsToRead } from './price.ts';
import type { Admission } from './rate-limiter.ts';
import type { RequestOrigin } from './responder.ts';
import { sessionPhoneOf } from './session-phone.ts';
import { UnaddressedLog } from './unaddressed.ts';
import type { WrongTokenLimiter } from './wrong-tokens.ts';

/** A delivery that is a request: who asks, and what. */
export interface ReceivedRequest extends RequestOrigin, LargeRequest {
  /** What the log and the metrics call it. */
  readonly kind: RequestKind | 'invalid';
  readonly event: EventTopic;
  readonly sent: SentProfile<RequestKind> | 'invalid_data' | Unread;
  /** Once it was let in and charged. Absent for what comes again and was charged before. */
  admission: Admission | undefined;
  /** Once its handling has begun. */
  deadline: Deadline | undefined;
}

/** What it takes to read requests. */
export interface ReceiverDeps {
  readonly topics: Topics;
  readonly authenticator: Authenticator;
  readonly context: Pick<Context, 'requestStates'>;
  readonly limits: Limits;
  /** Absent where the broker authenticates clients, not a token. */
  readonly wrongTokens?: WrongTokenLimiter | undefined;
  readonly log: Log;
}

/** Receive and decode: who asks, and what. */
export class Receiver {
  readonly #deps: ReceiverDeps;
  readonly #charging: Charging;
  readonly #unaddressed: UnaddressedLog;
  #requests = 0;

  constructor(deps: ReceiverDeps, charging: Charging) {
    this.#deps = deps;
    this.#charging = charging;
    this.#unaddressed = new UnaddressedLog(deps.log);
  }

  /**
   * The request that came; or why the publish is none.
   * @param unread - why its payload is not read, as `checkToken` says.
   */
  receive(delivery: Delivery, unread?: Unread): ReceivedRequest | IgnoreReason {
    const event = this.eventOf(delivery);
    if (typeof event === 'string') return event;
    const client = this.clientOf(event, delivery);
    if (client === '') {
      this.#unaddressed.note();
      return 'unaddressed';
    }
    const { limits } = this.#deps;
    const units = unitsToRead(delivery.payload, limits);
    const admitted =
      units === 1 ? undefined : (unread ?? this.#charging.admitToRead(delivery, client, units));
    const isUnread = typeof admitted === 'string';
    const sent = isUnread ? admitted : readProfile(delivery.payload, limits, knownKinds);
    const admission = isUnread ? undefined : admitted;
    if (sent === 'foreign') {
      if (admission !== undefined) this.#charging.release(admission);
      return sent;
    }
    return this.#received(delivery, event, client, { sent, units, admission });
  }

  /** A request that is not read. */
  unread(delivery: Delivery, event: EventTopic, client: string): ReceivedRequest {
    return this.#received(delivery, event, client, { sent: 'invalid_data', units: 0, admission: undefined });
  }

  #received(
    delivery: Delivery,
    event: EventTopic,
    client: string,
    { sent, units, admission }: Pick<ReceivedRequest, 'sent' | 'units' | 'admission'>,
  ): ReceivedRequest {
    const kind = typeof sent === 'string' ? 'invalid' : sent.kind;
    const responseTopic = this.#deps.topics.ownResponseTopic(delivery.responseTopic, client);
    const request = ++this.#requests;
    return {
      request,
      kind,
      delivery,
      event,
      client,
      responseTopic,
      sent,
      units,
      admission,
      deadline: undefined,
      spent: 0,
      endTurn: undefined,
    };
  }

  /**
   * Where only a token shows who asks, it is checked before a payload that costs much is read.
   * @returns why the payload is not read; `undefined` without a check.
   */
  checkToken(delivery: Delivery): Promise<Unread | undefined> | undefined {
    const { limits, wrongTokens } = this.#deps;
    if (wrongTokens === undefined || unitsToRead(delivery.payload, limits) === 1) return undefined;
    const event = this.eventOf(delivery);
    return typeof event === 'string' ? undefined : this.#checkToken(event, delivery);
  }

  async #checkToken(event: EventTopic, delivery: Delivery): Promise<Unread | undefined> {
    try {
      const phone = await sessionPhoneOf(this.#deps, { client: this.clientOf(event, delivery), event });
      return phone === undefined ? 'not_authorized' : undefined;
    } catch (error) {
      this.#deps.log.error({ err: error }, 'looking at a token failed');
      return 'internal';
    }
  }

  /** What the topic says; or why the publish is no request. */
  eventOf(delivery: Delivery): EventTopic | IgnoreReason {
    // A retained publish comes again with every subscription, an empty one only clears it: neither asks for anything.
    if (delivery.payload.length === 0) return 'empty';
    if (delivery.retained) return 'retained';
    return this.#deps.topics.readRequest(delivery.topic) ?? 'topic';
  }

  clientOf(event: EventTopic, delivery: Delivery): string {
    return this.#deps.authenticator.clientOf(event, delivery.responseTopic);
  }
}
