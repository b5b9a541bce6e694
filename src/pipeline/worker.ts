import type { Context } from '../handlers/handler.ts';
import { type RequestKind, requests } from '../handlers/index.ts';
import { type Outcome, refuse, unanswered } from '../handlers/outcome.ts';
import { shortenPhone } from '../lib/shorten-phone.ts';
import { ConnectionClosed, type Delivery } from '../mqtt/connection.ts';
import type { SentProfile } from '../protocol/profile.ts';
import type { EventTopic } from '../protocol/topics.ts';
import { SERVICE } from '../store/sessions.ts';
import { traceRequest } from '../telemetry/instrumentation-requests.ts';
import { isAuthorized } from './authenticator.ts';
import { Charging } from './charging.ts';
import { handleOnce, hasRecord, keysOf, mayGoOn, pastOf, type RequestKeys, withRest } from './idempotency.ts';
import { LargeProfiles } from './large-profiles.ts';
import type { PoisonGuard, Redelivery } from './poison-guard.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { type ReceivedRequest, Receiver, type ReceiverDeps } from './receiver.ts';
import { RequestTimeouts } from './request-timeout.ts';
import { Responder, type ResponderDeps } from './responder.ts';
import { noteRedelivery, sessionPhoneOf } from './session-phone.ts';

/** What a worker works with. */
export interface WorkerDeps extends ResponderDeps, ReceiverDeps {
  readonly context: Context;
  readonly rateLimiter: RateLimiter;
  readonly poison: Pick<PoisonGuard, 'take'>;
  /** Longest time from receiving a request to knowing its answer. */
  readonly timeoutMs: number;
  /** Whether Redis cannot serve requests now, or what has waited for it is just being done again. */
  readonly isStoreAway: () => boolean;
}

/** The way of a request: receive → decode → authorize → handle → answer → acknowledge. */
export class Worker {
  readonly #deps: WorkerDeps;
  readonly #charging: Charging;
  readonly #receiver: Receiver;
  readonly #largeProfiles: LargeProfiles;
  readonly #responder: Responder<ReceivedRequest>;
  readonly #timeouts: RequestTimeouts;

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    this.#charging = new Charging(deps);
    this.#receiver = new Receiver(deps, this.#charging);
    this.#largeProfiles = new LargeProfiles(this.#charging);
    this.#responder = new Responder(deps, (received, error) => this.#internal(received, error));
    this.#timeouts = new RequestTimeouts(deps.timeoutMs, deps.isStoreAway);
  }

  /**
   * Takes a delivery to its end and acknowledges it last. If this worker leaves the broker before all answers are
   * published, the broker keeps the request for the next worker. Never throws.
   */
  serve(delivery: Delivery): Promise<void> {
    return delivery.redelivered ? this.#serveAgain(delivery) : this.#serve(delivery);
  }

  async #serve(delivery: Delivery, redelivery?: Redelivery): Promise<void> {
    const { tracing, topics } = this.#deps;
    const checking = this.#receiver.checkToken(delivery);
    const received = this.#receiver.receive(delivery, checking === undefined ? undefined : await checking);
    try {
      if (redelivery && typeof received === 'object') await noteRedelivery(this.#deps, redelivery, received);
      if (typeof received === 'string') this.#deps.metrics.ignored(received);
      else if (tracing === undefined) await this.#process(received);
      else await traceRequest(tracing, received, topics.patterns.request, () => this.#process(received));
    } catch (error) {
      if (!(error instanceof ConnectionClosed)) throw error;
      if (redelivery) await redelivery.survived();
      return;
    }
    if (redelivery) await redelivery.survived();
    delivery.acknowledge();
  }

  /** The last delivery of it has ended in a lost connection or a dead process; perhaps by its own doing. */
  #serveAgain(delivery: Delivery): Promise<void> {
    const { context, metrics, poison } = this.#deps;
    metrics.redelivered();
    const event = this.#receiver.eventOf(delivery);
    const client = typeof event === 'string' ? '' : this.#receiver.clientOf(event, delivery);
    return poison.take(delivery, {
      client,
      handle: (redelivery) => this.#serve(delivery, redelivery),
      hasRecord: (phone) => hasRecord(context, delivery, client, phone),
      refuse: async () => {
        if (typeof event !== 'string' && client !== '') await this.#refuseUnread(delivery, event, client);
      },
    });
  }

  /** A request that is given up is answered without being read, as that may be what ends workers. */
  async #refuseUnread(delivery: Delivery, event: EventTopic, client: string): Promise<void> {
    const received = this.#receiver.unread(delivery, event, client);
    const outcome = refuse('internal');
    try {
      await this.#responder.send(received, outcome);
    } catch (error) {
      if (!(error instanceof ConnectionClosed)) throw error;
    }
    this.#deps.metrics.answered('invalid', outcome.result, (performance.now() - delivery.receivedAt) / 1000);
  }

  /** Handle and answer; gives what the metrics call the result. */
  async #process(received: ReceivedRequest): Promise<string> {
    const { authenticator, log, metrics } = this.#deps;
    const { request, kind, sent, client, delivery } = received;
    try {
      const outcome = this.#earlyRefusal(received) ?? (await this.#handleWithTimeout(received));
      if (received.admission !== undefined)
        this.#charging.settle(received.admission, outcome, received.spent);
      if (outcome === unanswered) return outcome.result;
      await this.#responder.send(received, outcome);
      const milliseconds = performance.now() - delivery.receivedAt;
      metrics.answered(kind, outcome.result, milliseconds / 1000, authenticator.isServiceId(client));
      if (log.isLevelEnabled('debug')) {
        const phone = typeof sent === 'string' || sent.phone === '' ? undefined : shortenPhone(sent.phone);
        log.debug({ request, kind, phone, result: outcome.result, milliseconds }, 'request');
      }
      return outcome.result;
    } finally {
      received.endTurn?.();
    }
  }

  /** What is known before anything is read from Redis: nothing where only the session shows who asks. */
  #earlyRefusal(received: ReceivedRequest): Outcome | undefined {
    const { sent, client } = received;
    if (sent === 'not_authorized') return this.#notAuthorized(client, undefined);
    if (typeof sent === 'string' && sent !== 'invalid_data') return refuse(sent);
    if (this.#deps.wrongTokens !== undefined) return undefined;
    if (this.#isLimited(received)) return refuse('too_many_requests');
    return sent === 'invalid_data' ? refuse(sent) : undefined;
  }

  /** What is known to have been let in before is not limited again, and what perhaps was is only charged. */
  #isLimited(received: ReceivedRequest): boolean {
    const { kind, delivery, client, admission } = received;
    if (admission !== undefined || delivery.charged === 'yes') return false;
    const units = kind === 'invalid' ? 1 : requests[kind].units;
    received.admission = this.#charging.admit(delivery, client, units);
    return received.admission === undefined;
  }

  /** Answers `internal` to a fault: the store has retried what can be retried. */
  #internal({ request, kind }: ReceivedRequest, error: unknown): Outcome {
    this.#deps.log.error({ request, kind, err: error }, 'request failed');
    return refuse('internal');
  }

  /**
   * Handles a request, and answers `internal` when it takes longer than its timeout. A change that is not made by then is not
   * made any more; the notices of one that is are still published when it ends. While Redis is away the clock stands still:
   * the request is kept, not given up.
   */
  #handleWithTimeout(received: ReceivedRequest): Promise<Outcome> {
    return new Promise((resolve) => {
      const timeout = this.#timeouts.begin(() => {
        resolve(this.#internal(received, new Error('the request timed out')));
      });
      const end = (outcome: Outcome): void => {
        if (this.#timeouts.end(timeout)) resolve(outcome);
        else this.#sendLate(received, outcome);
      };
      received.deadline = timeout;
      const { sent } = received;
      const handling =
        typeof sent === 'string' ? this.#handleUnreadable(received) : this.#handle(received, sent);
      handling.then(end, (error) => end(this.#internal(received, error)));
    });
  }

  /** What a request that has outlived its deadline still has to tell others. */
  #sendLate(received: ReceivedRequest, outcome: Outcome): void {
    if (received.admission !== undefined) this.#charging.chargeOthers(received.admission, outcome);
    const sending = this.#responder.send(received, { ...outcome, answers: [] }).catch((error) => {
      this.#deps.log.error({ request: received.request, err: error }, 'request failed after its timeout');
    });
    void sending.finally(received.endTurn);
  }

  /** Authorize, with what the handler will need read in the same round trip; then handle. */
  async #handle(received: ReceivedRequest, sent: SentProfile<RequestKind>): Promise<Outcome> {
    const { delivery, event, client, responseTopic } = received;
    const { authenticator, context, wrongTokens } = this.#deps;
    const { phone } = sent;
    if (phone === '') return this.#handleForSession(received, sent);
    // A service without a phone in its request: it has none of its own.
    if (phone === SERVICE) return refuse('invalid_data');
    const row = requests[sent.kind];
    const { handler } = row;
    const keys = handler.replay === undefined ? undefined : keysOf(delivery, client);
    const state = await context.requestStates.load(client, phone, keys);
    const sessionPhone = authenticator.phoneOf(state.session, event, client);
    // The phone was that of the session a round trip ago; the session may have moved since.
    if (sent !== received.sent && sessionPhone !== undefined && sessionPhone !== phone)
      return this.#handle(received, sent.naming(sessionPhone));
    // Where a token authenticates, the request is counted only now, so that nobody uses up another client's rate.
    if (wrongTokens !== undefined && sessionPhone !== undefined && this.#isLimited(received))
      return refuse('too_many_requests');
    const isAllowed = isAuthorized(row, sessionPhone, phone);
    // No record is looked at for a client that may not ask, unless the kind is resumed without a session.
    if (!isAllowed && row.resumes === undefined) return this.#notAuthorized(client, sessionPhone);
    const { address: broker } = delivery.broker;
    const replyTo = { client, broker, responseTopic, correlationData: delivery.correlationData };
    const asking = sessionPhone ?? client;
    // No spread: V8 keeps what comes of one until its next full collection, measured at 300 bytes a request.
    if (handler.replay === undefined) {
      const fetched = this.#largeProfiles.fetch(received, state.stored, asking, row);
      const stored = fetched instanceof Promise ? await fetched : fetched;
      if (stored === 'too_many_requests') return refuse(stored);
      return handler.handle({ replyTo, sent, phone, stored, sessionPhone }, context);
    }
    const asker = { row, phone, sessionPhone };
    const isRead = row.names === 'own' && !delivery.redelivered;
    const known = isRead ? state : await withRest(state, keys as RequestKeys, asker, context);
    const found = pastOf(delivery, keys as RequestKeys, known, asker);
    const past = found instanceof Promise ? await found : found;
    if (!mayGoOn(asker, past.word, delivery.redelivered)) return this.#notAuthorized(client, sessionPhone);
    const fetched = this.#largeProfiles.fetch(received, state.stored, asking, row);
    const stored = fetched instanceof Promise ? await fetched : fetched;
    if (stored === 'too_many_requests') return refuse(stored);
    if (isAllowed && row.tells && !this.#charging.admitToTell(received, row.tells(stored)))
      return refuse('too_many_requests');
    const { record } = state;
    const ref = { phone, key: (keys as RequestKeys).request, record, deadline: received.deadline };
    const admitToRewrite = this.#rewriteOf(received);
    const request = { replyTo, sent, phone, stored, sessionPhone, ref, delivery, admitToRewrite };
    return handleOnce(row, request, past, context);
  }

  /** It is charged once, also if another change comes between: its own debt must not refuse it. */
  #rewriteOf(received: ReceivedRequest): (bytes: number) => boolean {
    let isAdmitted = false;
    return (bytes) => {
      isAdmitted ||= this.#charging.admitToRewrite(received, bytes);
      return isAdmitted;
    };
  }

  /** Handle a request without a phone, which means that of its session: a round trip more, which others do not need. */
  async #handleForSession(received: ReceivedRequest, sent: SentProfile<RequestKind>): Promise<Outcome> {
    const phone = await sessionPhoneOf(this.#deps, received);
    if (phone === undefined) return this.#notAuthorized(received.client, phone);
    return this.#handle(received, sent.naming(phone));
  }

  /** What can't be read, where only the session shows who asks: a wrong token counts before what comes with it. */
  async #handleUnreadable(received: ReceivedRequest): Promise<Outcome> {
    const phone = await sessionPhoneOf(this.#deps, received);
    if (phone === undefined) return this.#notAuthorized(received.client, phone);
    return refuse(this.#isLimited(received) ? 'too_many_requests' : 'invalid_data');
  }

  /** Answers few requests with a wrong token: the client that they name receives the answers. */
  #notAuthorized(client: string, sessionPhone: string | undefined): Outcome {
    const isLimited = sessionPhone === undefined && (this.#deps.wrongTokens?.isLimited(client) ?? false);
    return isLimited ? unanswered : refuse('not_authorized');
  }
}
