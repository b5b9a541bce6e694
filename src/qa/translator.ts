import { decode, isAtom, type Limits, Tuple } from '../etf/index.ts';
import {
  type ConnectionLog,
  type Delivery,
  type Publication,
  type Publisher,
  PublishRefused,
} from '../mqtt/connection.ts';
import type { Topics } from '../protocol/topics.ts';
import {
  inFormat,
  type Reading,
  type ReadRequest,
  readRequest,
  tooLarge,
  translated,
  withReason,
} from './exchange.ts';
import type { Format } from './formats/format.ts';
import { answerLimits, contentTypes } from './formats/write.ts';
import { helpTopics, type RequestExamples } from './help.ts';
import { Hints, type HintsDeps, refusalHints } from './hints.ts';
import { mirrored, mirrorTopic, noticeMirrorTopic, type Shown } from './mirror.ts';
import { readMissed, whyMissed } from './near-misses.ts';

export interface QaOptions {
  /** `QA_TEXT`: requests may be text; an answer has the format of its request. */
  readonly text: boolean;
  /** `QA_MIRROR`: requests, answers and notices are mirrored on `qa/#`. */
  readonly mirror: boolean;
  readonly limits: Limits;
  readonly topics: Topics;
  readonly formats: RequestFormats;
  readonly requests: RequestExamples;
  /** Absent: no hints. */
  readonly hints?: HintsDeps;
}

/**
 * Translates between broker and worker for testers: requests to ETF, answers to the format of their request.
 * It also mirrors both. Clients that send ETF see no difference.
 * @see docs/qa.md
 */
export class QaTranslator {
  readonly #options: QaOptions;
  readonly #reading: Reading;
  readonly #hints: Hints | undefined;

  constructor(options: QaOptions) {
    this.#options = options;
    this.#hints = options.mirror && options.hints ? new Hints(options.hints) : undefined;
    this.#reading = { limits: options.limits, kinds: Object.keys(options.requests) };
  }

  /** Whether something is to be said on `qa/#`. */
  get isMirroring(): boolean {
    return this.#options.mirror;
  }

  /** Publish the retained help texts; each start replaces them. */
  publishHelp(broker: Publisher, log: ConnectionLog): void {
    if (!this.#options.mirror) return;
    const { text: readsText, topics, requests } = this.#options;
    const publishing = helpTopics(readsText, topics, requests).map(([topic, text]) =>
      broker.publish({ topic, payload: Buffer.from(text), qos: 1, retain: true, contentType: 'text/plain' }),
    );
    Promise.all(publishing).catch((error: unknown) => {
      if (error instanceof PublishRefused) log.warn('the broker does not let this worker publish to qa/#');
    });
  }

  /** @returns the delivery that the worker gets. One that it ignores is returned unchanged. */
  receive(delivery: Delivery): Delivery {
    const { text, topics, limits } = this.#options;
    const event = topics.readRequest(delivery.topic);
    if (event === undefined) return delivery;
    const client = event.client || topics.clientOfResponseTopic(delivery.responseTopic) || '';
    if (delivery.payload.length === 0 || delivery.retained) {
      this.#hints?.give(delivery.broker, client, delivery.retained ? wasRetained : wasEmpty);
      return delivery;
    }
    const asked = readRequest(delivery.payload, text, this.#reading);
    if (asked.kind === 'foreign') return delivery;
    if (text)
      this.#options.formats.remember(client, asked.format === 'etf' ? undefined : asked.format).catch(ignore);
    this.#mirror(delivery.broker, 'request', mirrorTopic('req', client, asked.kind), {
      form: asked.format,
      bytes: delivery.payload.length,
      ...(delivery.redelivered && { redelivered: true }),
      message: asked.message,
      limits,
      because: asked.reason,
    });
    let isAnswered = false;
    const reply = (publication: Publication): Promise<void> => {
      isAnswered = true;
      return this.#reply(delivery, publication, asked);
    };
    // Credentials are answered to all who wait for them, at any worker.
    const onEnd = (): void => {
      if (isAnswered || asked.kind === 'aws' || delivery.redelivered) return;
      this.#hints?.give(delivery.broker, client, client === '' ? hasNoClient : unanswered);
    };
    return translated(delivery, asked.payload, reply, onEnd);
  }

  /** A message of the broker's plugin on `qa/missed/<client>`: a publish that became no request. */
  missed(
    { topic, payload, broker }: Pick<Delivery, 'topic' | 'payload' | 'broker'>,
    log: ConnectionLog,
  ): void {
    const client = topic.slice(topic.lastIndexOf('/') + 1);
    const missed = readMissed(payload);
    const hint = missed && whyMissed(missed, this.#options.topics);
    if (hint !== undefined) this.#hints?.give(broker, client, hint);
    // It may have overwritten a text that others are to read.
    if (missed !== undefined && /^qa\/(help$|examples\/)/.test(missed.topic)) this.publishHelp(broker, log);
  }

  /** Publishes what is no reply to a delivery: notices, and answers to other clients. */
  publisher(broker: Publisher): Publisher {
    return {
      address: broker.address,
      get state() {
        return broker.state;
      },
      publish: (publication) => this.#publish(broker, publication),
    };
  }

  async #publish(broker: Publisher, publication: Publication): Promise<void> {
    const { topic, payload } = publication;
    const { topics } = this.#options;
    const phone = topics.phoneOfNotice(topic);
    const client = topics.clientOfAnswer(topic) ?? '';
    const format = phone === undefined ? await this.#formatOf(client) : 'etf';
    const shownOn =
      phone === undefined ? mirrorTopic('rep', client, kindOf(payload)) : noticeMirrorTopic(phone);
    const written = inFormat(publication, format);
    if (phone === undefined && kindOf(payload) === 'remove') this.#hints?.signedOut(client);
    this.#mirror(broker, phone === undefined ? 'answer' : 'notice', shownOn, {
      form: format,
      bytes: written.payload.length,
      message: payload,
      limits: answerLimits,
    });
    return broker.publish(written);
  }

  /** The format of the client's last request at any worker. */
  async #formatOf(client: string): Promise<Format> {
    const { text, formats } = this.#options;
    const format = text ? await formats.of(client).catch(() => undefined) : undefined;
    return isTextFormat(format) ? format : 'etf';
  }

  #reply(delivery: Delivery, publication: Publication, asked: ReadRequest): Promise<void> {
    const client = this.#options.topics.clientOfAnswer(publication.topic) ?? '';
    const reasoned = withReason(publication, asked, this.#reading);
    const written = inFormat(reasoned, asked.format);
    this.#hint(delivery.broker, client, reasoned.payload);
    this.#mirror(delivery.broker, 'answer', mirrorTopic('rep', client, asked.kind), {
      form: asked.format,
      bytes: written.payload.length,
      milliseconds: Math.round((performance.now() - delivery.receivedAt) * 100) / 100,
      message: reasoned.payload,
      limits: answerLimits,
    });
    return delivery.reply(written).catch((error: unknown) => {
      if (asked.format === 'etf' || !isTooLarge(error)) throw error;
      return delivery.reply(inFormat(tooLarge(written), asked.format));
    });
  }

  /** Say what an answer means to the one who got it. */
  #hint(broker: Publisher, client: string, answer: Uint8Array): void {
    if (this.#hints === undefined) return;
    const said = kindOf(answer);
    const hint = refusalHints[said];
    if (said === 'not_authorized') this.#hints.giveUnauthorized(broker, client);
    else if (hint !== undefined) this.#hints.give(broker, client, hint);
    else this.#hints.settle(broker, client);
    if (said === 'remove') this.#hints.signedOut(client);
  }

  /** Publish at QoS 0 without waiting, so that the mirror does not slow down requests. */
  #mirror(broker: Publisher, side: Parameters<typeof mirrored>[0], topic: string, shown: Shown): void {
    if (!this.#options.mirror) return;
    const payload = mirrored(side, shown, new Date());
    broker.publish({ topic, payload, qos: 0, contentType: 'application/json' }).catch(ignore);
  }
}

const wasEmpty = 'The payload was empty: a request is a text in one of the forms on qa/help, or ETF.';
const wasRetained = '"retain" was ticked: a retained request is never taken. Untick it and publish again.';
const unanswered =
  'The worker did not answer: it is no request, or this client asks too often (CLIENT_RATE) and has no session.';
const hasNoClient =
  'The broker writes no client id into requests: its plugin is not loaded, so nobody can be answered.';

function isTooLarge(error: unknown): boolean {
  return error instanceof PublishRefused && error.isOfSize;
}

/** A request does not fail when its mirror does. */
const ignore = (): void => undefined;

/** The kind of the request that an answer belongs to, if the answer names it. */
function kindOf(answer: Uint8Array): string {
  const term = decode(answer, answerLimits);
  const elements = term instanceof Tuple ? term.elements : [];
  const [, code] = elements;
  const word = code instanceof Tuple ? code.elements[1] : elements.at(-1);
  return isAtom(word) ? word.name : '-';
}

/** The format of each client's last request, shared by all workers; `undefined` is ETF. */
export interface RequestFormats {
  remember(client: string, format: Format | undefined): Promise<void>;
  of(client: string): Promise<string | undefined>;
}

function isTextFormat(name: string | undefined): name is Format {
  return name !== undefined && Object.hasOwn(contentTypes, name);
}
