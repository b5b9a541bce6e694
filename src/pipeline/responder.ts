import type { Answer, Outcome } from '../handlers/outcome.ts';
import {
  ConnectionClosed,
  type Delivery,
  type Publication,
  type Publisher,
  PublishRefused,
  Reconnected,
} from '../mqtt/connection.ts';
import { contentType } from '../protocol/content-type.ts';
import { ioError } from '../protocol/io.ts';
import type { Topics } from '../protocol/topics.ts';
import type { Sessions } from '../store/sessions.ts';
import { answerProperties } from '../telemetry/instrumentation-requests.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { noteRefused } from './refused-publications.ts';

/** What it takes to say something. */
export interface ResponderDeps {
  readonly topics: Topics;
  /** All of them: a client that did not ask may be at any. */
  readonly brokers: readonly Publisher[];
  /** For brokers other than the one that a request came from. */
  readonly outboxRelay: NoticePublisher;
  /** Who is signed in now: the phone of each client's session. */
  readonly context: { readonly sessions: Pick<Sessions, 'phonesOf'> };
  readonly replyQos: 0 | 1 | 2;
  /** How many seconds an answer or a notice may wait at a broker for its reader. */
  readonly replyExpirySeconds: number;
  /** Notes that the brokers' lists of clients are to follow the sessions of a phone. Absent where nobody keeps one. */
  readonly syncBrokerAcl: ((phone: string) => Promise<void>) | undefined;
  /** Notes that the contacts of a phone are to hear something; tells them in the background (`fan-outs.ts`). */
  readonly fanOuts: { note(phone: string): Promise<void> };
  readonly metrics: Metrics;
  /** Absent unless traces are on. */
  readonly tracing?: Tracing | undefined;
  readonly log: Log;
}

/** Publishes a notice, or keeps it in Redis for a broker that does not accept it now (`failover/outbox-relay.ts`). */
export interface NoticePublisher {
  publish(broker: Publisher, publication: Publication): Promise<void>;
}

/** Who asked, and how. */
export interface RequestOrigin {
  /** Its number in the log. */
  readonly request: number;
  readonly delivery: Delivery;
  readonly client: string;
  /** The Response Topic, if it is the client's own (`Topics.ownResponseTopic`). */
  readonly responseTopic: string | undefined;
}

/** Says what is to be said to clients, and notes what is to be said to counterparties. */
export class Responder<T extends RequestOrigin> {
  readonly #deps: ResponderDeps;
  readonly #internal: (asked: T, error: unknown) => Outcome;

  /** @param internal - makes the outcome of a fault in a deferred answer. */
  constructor(deps: ResponderDeps, internal: (asked: T, error: unknown) => Outcome) {
    this.#deps = deps;
    this.#internal = internal;
  }

  /** Publish the answers; done when the brokers have accepted them, and the queue of notices has the phone. */
  send(asked: T, outcome: Outcome): Promise<void> {
    const { answers, fanOut, sessionsEnded, onSent, deferred } = outcome;
    const [answer] = answers;
    const isMore =
      fanOut !== undefined || sessionsEnded !== undefined || onSent !== undefined || deferred !== undefined;
    if (answer === undefined || answers.length > 1 || answer.onlyFor !== undefined || isMore)
      return this.#sendAll(asked, outcome);
    return this.#publishAnswer(asked, answer); // nearly always: each promise more would cost every request
  }

  async #sendAll(asked: T, outcome: Outcome): Promise<void> {
    const { answers, fanOut, sessionsEnded, onSent, deferred } = outcome;
    const guarded = answers.filter(({ onlyFor }) => onlyFor !== undefined);
    const others = answers.filter(({ onlyFor }) => onlyFor === undefined);
    await Promise.all([
      ...others.map((answer) => this.#publishAnswer(asked, answer)),
      ...(guarded.length === 0 ? [] : [this.#publishGuarded(asked, guarded)]),
    ]);
    // After the answers: a client that is cut off has its own. Before the notices: they end what a redelivery resumes.
    // The request waits for the note only; the broker may be away.
    if (sessionsEnded !== undefined)
      await this.#afterAnswer(asked, () => this.#deps.syncBrokerAcl?.(sessionsEnded));
    if (fanOut !== undefined || onSent !== undefined)
      await this.#afterAnswer(asked, async () => {
        await onSent?.();
        if (fanOut !== undefined) await this.#deps.fanOuts.note(fanOut);
      });
    if (deferred === undefined) return;
    await this.send(asked, await deferred.catch((error: unknown) => this.#internal(asked, error)));
  }

  /** A step that fails costs the others nothing. */
  async #afterAnswer({ request }: RequestOrigin, step: () => Promise<void> | undefined): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (error instanceof ConnectionClosed) throw error;
      // The client has its answer, and must not hear another.
      this.#deps.log.error({ request, err: error }, 'a request failed after its answer');
    }
  }

  /**
   * Publish what only the sessions of a phone may hear, to those that are there now. All of them are looked at in one
   * round trip; and once more when there is a new connection before the broker has taken it, however long that was away.
   */
  async #publishGuarded(asked: T, answers: readonly Answer[], again?: object): Promise<void> {
    const clients = answers.map(({ to }) => to?.client ?? asked.client);
    const looked = this.#deps.context.sessions.phonesOf(clients);
    const phones = await looked.catch((error: unknown) => this.#internal(asked, error));
    const publishing = answers.map((answer, index) => {
      const { to, onlyFor, expirySeconds } = answer;
      const isAllowed = Array.isArray(phones) && phones[index] === onlyFor;
      const refusal = Array.isArray(phones) ? 'not_authorized' : 'internal';
      const payload = isAllowed ? answer.payload : ioError(refusal);
      return this.#publishAnswer(asked, { to, payload, onlyFor, expirySeconds }, again).catch(
        (error: unknown) => {
          if (!(error instanceof Reconnected)) throw error;
          return this.#publishGuarded(asked, [answer], error.subject);
        },
      );
    });
    await Promise.all(publishing);
  }

  /** A client is answered where it asked; one that did not ask may be on any of the brokers. */
  #publishAnswer(
    { delivery, client, responseTopic }: RequestOrigin,
    { to, payload, onlyFor, expirySeconds }: Answer,
    again?: object,
  ): Promise<void> {
    const topic = to === undefined ? responseTopic : to.responseTopic;
    const { correlationData } = to ?? delivery;
    const plain = this.#deps.topics.answer(to?.client ?? client);
    const publication = this.#publication(topic ?? plain, payload, correlationData);
    if (onlyFor !== undefined) publication.resend = false;
    if (expirySeconds !== undefined)
      publication.expirySeconds = Math.min(expirySeconds, this.#deps.replyExpirySeconds);
    if (again !== undefined) publication.again = again;
    showShortExpiry(publication);
    if (to !== undefined) return this.#publishAt(to.broker, delivery, publication, plain);
    const traced = answerProperties(delivery, this.#deps.tracing);
    if (traced !== undefined) publication.userProperties = { ...publication.userProperties, ...traced };
    return this.#accepted(delivery, undefined, publication, plain);
  }

  #publication(topic: string, payload: Buffer, correlationData?: Buffer): Publication {
    const { replyQos: qos, replyExpirySeconds: expirySeconds } = this.#deps;
    if (correlationData === undefined) return { topic, payload, qos, expirySeconds, contentType };
    return { topic, payload, qos, expirySeconds, contentType, correlationData };
  }

  /**
   * The broker that the request came from must take it before the request is acknowledged there; none waits for another.
   * @param address - of the one broker that it is for; absent for all.
   */
  async #publishAt(
    address: string | undefined,
    delivery: Delivery,
    publication: Publication,
    answerTopic: string,
  ): Promise<void> {
    const { brokers } = this.#deps;
    const meant = address === undefined ? brokers : brokers.filter((broker) => broker.address === address);
    await Promise.all(meant.map((broker) => this.#accepted(delivery, broker, publication, answerTopic)));
  }

  /**
   * A broker that refuses a publish would refuse it again: it is counted and logged, and the request goes on. An answer that
   * cannot be published as it is, say for its size, becomes a small one.
   * @param broker - absent for the reply to the delivery.
   * @param answerTopic - where the client hears that asked for no topic of its own.
   */
  async #accepted(
    delivery: Delivery,
    broker: Publisher | undefined,
    publication: Publication,
    answerTopic: string,
  ): Promise<void> {
    const { outboxRelay, log, metrics } = this.#deps;
    try {
      if (broker === undefined) await delivery.reply(publication);
      else if (broker.address === delivery.broker.address) await broker.publish(publication);
      else await outboxRelay.publish(broker, publication);
    } catch (error) {
      if (error instanceof ConnectionClosed || error instanceof Reconnected) throw error;
      noteRefused('answer', error, { metrics, log });
      const isContent = error instanceof PublishRefused && error.isOfContent;
      if (!isContent || publication.payload === unpublishable) return;
      const topic = error.isOfSize ? publication.topic : answerTopic;
      await this.#accepted(
        delivery,
        broker,
        this.#publication(topic, unpublishable, publication.correlationData),
        answerTopic,
      );
    }
  }
}

/** What the broker's plugin hands over it lets expire after so many seconds, unless it is told a shorter time. */
const handedOverSeconds = 3600;

/** Mosquitto shows no plugin the Message Expiry of a publish; so `client_delivery` reads a short one from a user property. */
function showShortExpiry(publication: Publication): void {
  const { expirySeconds } = publication;
  if (expirySeconds === undefined || expirySeconds >= handedOverSeconds) return;
  publication.userProperties = { 'message-expiry': `${expirySeconds}` };
}

/** What a client hears whose answer cannot be published. */
const unpublishable = ioError('internal');
