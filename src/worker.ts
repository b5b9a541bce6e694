import type { Admission } from './admission.ts';
import { Deadlines } from './deadlines.ts';
import type { Limits } from './etf/index.ts';
import type { Forwarding } from './forwarding.ts';
import type { Identity } from './identity.ts';
import {
  type BrokerConnection,
  ConnectionClosed,
  type Delivery,
  type Publication,
} from './mqtt/connection.ts';
import { Lane } from './mqtt/lanes.ts';
import {
  actionTopic,
  type EventTopic,
  ownResponseTopic,
  parseEventTopic,
  sessionTopic,
} from './mqtt/topics.ts';
import { type Log, shortenPhone } from './operating/log.ts';
import type { IgnoreReason, Metrics } from './operating/metrics.ts';
import type { Tracing } from './operating/tracing.ts';
import type { Refusal } from './records/io.ts';
import { type RequestKind, readProfile, type SentProfile } from './records/profile.ts';
import { isOfThis, keyOf } from './redelivery.ts';
import type { Means } from './requests/handler.ts';
import { handle } from './requests/index.ts';
import { type Answer, type Notice, type Outcome, refuse } from './requests/outcome.ts';
import { wordOf } from './store/answers.ts';
import { answerProperties, traceRequest } from './traced-requests.ts';

/** What a worker works with. */
export interface WorkerParts {
  readonly means: Means;
  readonly identity: Identity;
  readonly admission: Admission;
  /** All of them: notices go to each, as nobody knows where a counterparty's devices are. */
  readonly brokers: readonly BrokerConnection[];
  /** For brokers other than the one that a request came from. */
  readonly forwarding: Pick<Forwarding, 'publish'>;
  readonly limits: Limits;
  readonly replyQos: 0 | 1 | 2;
  /** Lets the broker's list of clients follow the sessions of a phone; never rejects. Absent where nobody keeps one. */
  readonly followSessions: ((phone: string) => Promise<void>) | undefined;
  /** Longest time from receiving a request to knowing its answer. */
  readonly deadlineMs: number;
  /** Whether Redis cannot be reached now. */
  readonly isStoreAway: () => boolean;
  readonly metrics: Metrics;
  /** Absent unless traces are on. */
  readonly tracing?: Tracing | undefined;
  readonly log: Log;
}

/** A delivery that is a request: who asks, and what. */
interface Arrival {
  /** Its number in the log. */
  readonly request: number;
  /** What the log and the metrics call it. */
  readonly kind: RequestKind | 'invalid';
  readonly delivery: Delivery;
  readonly event: EventTopic;
  readonly client: string;
  readonly sent: SentProfile | 'invalid_data';
}

/** The way of a request: receive → decode → authorize → handle → answer → acknowledge. */
export class Worker {
  readonly #parts: WorkerParts;
  /** One for each broker, by its address: the requests of one that is away must not hold up those of the others. */
  readonly #fanOuts = new Map<string, Lane>();
  #requests = 0;
  #unaddressedLoggedAt = Number.NEGATIVE_INFINITY;

  readonly #deadlines: Deadlines;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#deadlines = new Deadlines(parts.deadlineMs, parts.isStoreAway);
  }

  /**
   * Take a delivery to its end. It is acknowledged last, whatever became of it; except when we have left the broker
   * before all was said: then it keeps the request for whoever is next. Never throws.
   */
  async serve(delivery: Delivery): Promise<void> {
    const { tracing } = this.#parts;
    if (delivery.redelivered) this.#parts.metrics.redelivered();
    const arrival = this.#receive(delivery);
    try {
      if (typeof arrival === 'string') this.#parts.metrics.ignored(arrival);
      else if (tracing === undefined) await this.#settle(arrival);
      else await traceRequest(tracing, arrival, () => this.#settle(arrival));
    } catch (error) {
      if (error instanceof ConnectionClosed) return;
      throw error;
    }
    delivery.acknowledge();
  }

  /** Receive and decode: who asks, and what; or why the publish is no request. */
  #receive(delivery: Delivery): Arrival | IgnoreReason {
    // A retained publish comes again with every subscription, an empty one only clears it: neither asks for anything.
    if (delivery.payload.length === 0) return 'empty';
    if (delivery.retained) return 'retained';
    const event = parseEventTopic(delivery.topic);
    if (event === undefined) return 'topic';
    const client = this.#parts.identity.clientOf(event, delivery.responseTopic);
    if (client === '') return this.#unaddressed();
    const sent = readProfile(delivery.payload, this.#parts.limits);
    if (sent === 'foreign') return sent;
    const kind = sent === 'invalid_data' ? 'invalid' : sent.kind;
    return { request: ++this.#requests, kind, delivery, event, client, sent };
  }

  /** Handle and answer; gives what the metrics call the result. */
  async #settle(arrival: Arrival): Promise<string> {
    const { log, metrics } = this.#parts;
    const { request, kind, sent, delivery } = arrival;
    const refusal = this.#refusalOf(arrival);
    const outcome =
      sent === 'invalid_data' || refusal !== undefined
        ? refuse(refusal ?? 'invalid_data')
        : await this.#handleInTime(arrival, sent);
    await this.#say(arrival, outcome);
    const milliseconds = performance.now() - delivery.receivedAt;
    metrics.answered(kind, outcome.result, milliseconds / 1000);
    if (log.isLevelEnabled('debug')) {
      const phone = sent === 'invalid_data' ? undefined : shortenPhone(sent.phone);
      log.debug({ request, kind, phone, result: outcome.result, milliseconds }, 'request');
    }
    return outcome.result;
  }

  /** What is known before anything is read from Redis. What comes again was let in before. */
  #refusalOf({ delivery, client, sent }: Arrival): Refusal | undefined {
    if (!delivery.redelivered && this.#parts.admission.refuses(client)) return 'too_many_requests';
    return sent === 'invalid_data' ? sent : undefined;
  }

  /** The one place that decides what becomes of a fault: the store has retried what can be retried, so the client is told. */
  #internal({ request, kind }: Arrival, error: unknown): Outcome {
    this.#parts.log.error({ request, kind, err: error }, 'request failed');
    return refuse('internal');
  }

  /**
   * A request that outlives the deadline is a fault. What it has to tell others when it ends at last is told, but its
   * client has its answer by then. While Redis is away the clock stands still: the request is kept, not given up.
   */
  #handleInTime(arrival: Arrival, sent: SentProfile): Promise<Outcome> {
    return new Promise((resolve) => {
      const deadline = this.#deadlines.begin(() => {
        resolve(this.#internal(arrival, new Error('the request has outlived its deadline')));
      });
      const end = (outcome: Outcome): void => {
        if (this.#deadlines.end(deadline)) resolve(outcome);
        else this.#sayLate(arrival, outcome);
      };
      this.#handle(arrival, sent).then(end, (error) => end(this.#internal(arrival, error)));
    });
  }

  /** What a request that has outlived its deadline still has to tell others. */
  #sayLate(arrival: Arrival, outcome: Outcome): void {
    this.#say(arrival, { ...outcome, answers: [] }).catch((error) => {
      this.#parts.log.error({ request: arrival.request, err: error }, 'request failed after its deadline');
    });
  }

  /** Authorize, with what the handler will need read in the same round trip; then handle. */
  async #handle({ delivery, event, client }: Arrival, sent: SentProfile): Promise<Outcome> {
    const { identity, admission, means } = this.#parts;
    const { phone } = sent;
    const key = sent.kind === 'get' ? '' : keyOf(delivery, client);
    const { session, stored, record } = await means.arrivals.read(client, phone, key);
    const sessionPhone = identity.phoneOf(session, event);
    const again = delivery.redelivered;
    if (admission.refusesProven(client, sessionPhone !== undefined) && !again)
      return refuse('too_many_requests');
    const done = record !== '' && (await isOfThis(delivery, record)) ? wordOf(record) : undefined;
    // A `migrate` names the new phone, so whoever has a session may ask. What is done may have ended its own session.
    const isAuthorized = sent.kind === 'migrate' ? sessionPhone !== undefined : sessionPhone === phone;
    if (!isAuthorized && done === undefined) return refuse('not_authorized');
    const replyTo = {
      client,
      responseTopic: ownResponseTopic(delivery.responseTopic, client),
      correlationData: delivery.correlationData,
    };
    const isOurs = () => delivery.isOurs();
    const request = { replyTo, sent, phone, key, record, stored, sessionPhone, again, isOurs, done };
    return handle(request, means);
  }

  /** Publish the answers, then the notices; done when the brokers have accepted all of them. */
  #say(arrival: Arrival, outcome: Outcome): Promise<void> {
    const { answers, notices, vacated, after, later } = outcome;
    const [answer] = answers;
    const isMore =
      notices !== undefined || vacated !== undefined || after !== undefined || later !== undefined;
    if (answer === undefined || answers.length > 1 || isMore) return this.#sayAll(arrival, outcome);
    return this.#publishAnswer(arrival, answer); // nearly always: each promise more would cost every request
  }

  async #sayAll(arrival: Arrival, { answers, ...rest }: Outcome): Promise<void> {
    const { notices, vacated, after, later } = rest;
    await Promise.all(answers.map((answer) => this.#publishAnswer(arrival, answer)));
    // Not before: whoever is cut off has its answer. Not after: with the notices ends what a redelivery takes up again.
    if (vacated !== undefined) await this.#parts.followSessions?.(vacated);
    if (notices !== undefined || after !== undefined) await this.#tellOthers(arrival, rest);
    if (later === undefined) return;
    await this.#say(arrival, await later.catch((error: unknown) => this.#internal(arrival, error)));
  }

  async #tellOthers(
    { request, delivery }: Arrival,
    { notices, after }: Pick<Outcome, 'notices' | 'after'>,
  ): Promise<void> {
    // What waits here is bounded by the requests in flight, so the lane is never full.
    try {
      if (notices !== undefined) await this.#fanOutsOf(delivery).run(() => this.#notify(delivery, notices));
      await after?.();
    } catch (error) {
      if (error instanceof ConnectionClosed) throw error;
      // The client has its answer, and must not hear another.
      this.#parts.log.error({ request, err: error }, 'telling others failed');
    }
  }

  #fanOutsOf({ broker: { address } }: Delivery): Lane {
    const known = this.#fanOuts.get(address);
    if (known !== undefined) return known;
    const lane = new Lane({ name: 'fan-out', concurrency: fanOutsAtOnce, queue: Number.POSITIVE_INFINITY });
    this.#fanOuts.set(address, lane);
    this.#parts.metrics.lane(lane);
    return lane;
  }

  /** The asking client is answered where it asked; another one may be on any of the brokers. */
  #publishAnswer({ delivery, client }: Arrival, { to, payload }: Answer): Promise<void> {
    const topic = to === undefined ? ownResponseTopic(delivery.responseTopic, client) : to.responseTopic;
    const { correlationData } = to ?? delivery;
    const publication = this.#publication(
      topic ?? actionTopic(to?.client ?? client),
      payload,
      correlationData,
    );
    if (to !== undefined) return this.#publishEverywhere('answer', delivery, publication);
    const traced = answerProperties(delivery, this.#parts.tracing);
    const answer = traced === undefined ? publication : { ...publication, ...traced };
    return this.#accepted('answer', delivery.broker.publish(answer));
  }

  async #notify(delivery: Delivery, notices: AsyncIterable<readonly Notice[]>): Promise<void> {
    for await (const batch of notices) {
      const publishing = batch.map(({ phone, payload }) =>
        this.#publishEverywhere('notice', delivery, this.#publication(sessionTopic(phone), payload)),
      );
      await Promise.all(publishing);
      this.#parts.metrics.noticed(batch.length);
    }
  }

  #publication(topic: string, payload: Buffer, correlationData?: Buffer): Publication {
    const { replyQos: qos } = this.#parts;
    if (correlationData === undefined) return { topic, payload, qos, contentType };
    return { topic, payload, qos, contentType, correlationData };
  }

  /** The broker that the request came from must take it before the request is acknowledged there; none waits for another. */
  async #publishEverywhere(
    kind: 'answer' | 'notice',
    { broker: from }: Delivery,
    publication: Publication,
  ): Promise<void> {
    const { brokers, forwarding } = this.#parts;
    const publish = (broker: BrokerConnection): Promise<void> =>
      broker.address === from.address ? broker.publish(publication) : forwarding.publish(broker, publication);
    await Promise.all(brokers.map((broker) => this.#accepted(kind, publish(broker))));
  }

  /** A broker that refuses a publish would refuse it again: it is counted and logged, and the request goes on. */
  async #accepted(kind: 'answer' | 'notice', publishing: Promise<void>): Promise<void> {
    const { log, metrics } = this.#parts;
    try {
      await publishing;
    } catch (error) {
      if (error instanceof ConnectionClosed) throw error;
      metrics.publishRefused(kind);
      log.warn({ kind, err: error }, 'a broker did not take what was published');
    }
  }

  #unaddressed(): IgnoreReason {
    const now = performance.now();
    if (now - this.#unaddressedLoggedAt >= unaddressedLogPauseMs) {
      this.#unaddressedLoggedAt = now;
      this.#parts.log.warn(
        'requests come with an empty client level and cannot be answered: is the client_identity plugin loaded in Mosquitto?',
      );
    }
    return 'unaddressed';
  }
}

const contentType = 'application/x-erlang-binary';

const fanOutsAtOnce = 16;

const unaddressedLogPauseMs = 60_000;
