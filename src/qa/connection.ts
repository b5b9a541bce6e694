import { decode, isAtom, type Limits, Tuple } from '../etf/index.ts';
import {
  type BrokerConnection,
  type ConnectionLog,
  type connectBroker,
  type Delivery,
  type Publication,
  PublishRefused,
} from '../mqtt/connection.ts';
import { clientOfResponseTopic, parseEventTopic } from '../protocol/topics.ts';
import { forwarded, inFormat, type ReadRequest, readRequest, tooLarge, withReason } from './exchange.ts';
import type { Format } from './formats/format.ts';
import { answerLimits, contentTypes } from './formats/write.ts';
import { ForwardedConnection } from './forwarded.ts';
import { helpTopics } from './help.ts';
import { mirrored, mirrorTopic, noticeMirrorTopic, type Shown } from './mirror.ts';

export interface QaOptions {
  /** `QA_TEXT`: requests may be text, and are answered in the form that they have. */
  readonly text: boolean;
  /** `QA_MIRROR`: what passes is shown on `qa/#`. */
  readonly mirror: boolean;
  readonly limits: Limits;
  readonly formats: RequestFormats;
}

/**
 * Connect as `connect` does, for people who look at what passes: between the broker and the worker, which knows nothing
 * of it, text becomes ETF and answers become text, and both are mirrored. Who speaks ETF sees no difference.
 * @see docs/qa.md
 */
export function connectForQa(options: QaOptions, connect: typeof connectBroker): typeof connectBroker {
  return (connection, onDelivery, log) => {
    const inner = connect(connection, (delivery) => onDelivery(qa.receive(delivery)), log);
    const qa = new QaConnection(inner, options);
    qa.publishHelp(log);
    return qa;
  };
}

class QaConnection extends ForwardedConnection {
  readonly #options: QaOptions;

  constructor(inner: BrokerConnection, options: QaOptions) {
    super(inner);
    this.#options = options;
  }

  /** Let whoever connects find out how to ask; written anew with each start. */
  publishHelp(log: ConnectionLog | undefined): void {
    if (!this.#options.mirror) return;
    const publishing = helpTopics(this.#options.text).map(([topic, text]) =>
      super.publish({ topic, payload: Buffer.from(text), qos: 1, retain: true, contentType: 'text/plain' }),
    );
    Promise.all(publishing).catch((error: unknown) => {
      if (error instanceof PublishRefused) log?.warn('the broker does not let this worker publish to qa/#');
    });
  }

  /** What the worker is to see of a delivery. What it ignores anyway goes through as it is. */
  receive(delivery: Delivery): Delivery {
    const event = parseEventTopic(delivery.topic);
    if (delivery.payload.length === 0 || delivery.retained || event === undefined) return delivery;
    const { text, limits } = this.#options;
    const asked = readRequest(delivery.payload, text, limits);
    if (asked.kind === 'foreign') return delivery;
    const client = event.client || clientOfResponseTopic(delivery.responseTopic) || '';
    if (text)
      this.#options.formats.remember(client, asked.format === 'etf' ? undefined : asked.format).catch(ignore);
    this.#mirror(mirrorTopic('req', client, asked.kind), {
      form: asked.format,
      bytes: delivery.payload.length,
      ...(delivery.redelivered && { redelivered: true }),
      message: asked.message,
      limits,
      because: asked.reason,
    });
    return forwarded(delivery, asked.payload, (publication) =>
      this.#answer(publication, asked, delivery.receivedAt),
    );
  }

  /** What does not answer the request that came on this connection: notices, and answers that others wait for. */
  override async publish(publication: Publication): Promise<void> {
    const { topic, payload } = publication;
    const phone = after('ses/', topic);
    const client = after(ACTIONS, topic)?.split('/', 1)[0] ?? '';
    const format = phone === undefined ? await this.#formatOf(client) : 'etf';
    const shownOn =
      phone === undefined ? mirrorTopic('rep', client, kindOf(payload)) : noticeMirrorTopic(phone);
    const written = inFormat(publication, format);
    this.#mirror(shownOn, {
      form: format,
      bytes: written.payload.length,
      message: payload,
      limits: answerLimits,
    });
    return super.publish(written);
  }

  /** What another's request makes known to a client is written in the form in which it asked last, at any worker. */
  async #formatOf(client: string): Promise<Format> {
    const { text, formats } = this.#options;
    const format = text ? await formats.of(client).catch(() => undefined) : undefined;
    return isTextFormat(format) ? format : 'etf';
  }

  #answer(publication: Publication, asked: ReadRequest, receivedAt: number): Promise<void> {
    const client = after(ACTIONS, publication.topic)?.split('/', 1)[0] ?? '';
    const reasoned = withReason(publication, asked, this.#options.limits);
    const written = inFormat(reasoned, asked.format);
    this.#mirror(mirrorTopic('rep', client, asked.kind), {
      form: asked.format,
      bytes: written.payload.length,
      milliseconds: Math.round((performance.now() - receivedAt) * 100) / 100,
      message: reasoned.payload,
      limits: answerLimits,
    });
    return super.publish(written).catch((error: unknown) => {
      if (asked.format === 'etf' || !isTooLarge(error)) throw error;
      return super.publish(inFormat(tooLarge(written), asked.format));
    });
  }

  /** Shown at QoS 0 and not waited for: who looks on must not slow down what is looked at. */
  #mirror(topic: string, shown: Shown): void {
    if (!this.#options.mirror) return;
    const payload = mirrored(shown, new Date());
    super.publish({ topic, payload, qos: 0, contentType: 'application/json' }).catch(ignore);
  }
}

const ACTIONS = 'actions/1/api/';

function isTooLarge(error: unknown): boolean {
  return error instanceof PublishRefused && error.isOfSize;
}

/** A broker that refuses the mirror, or a connection that is closed, is no matter for a request. */
const ignore = (): void => undefined;

function after(prefix: string, topic: string): string | undefined {
  return topic.startsWith(prefix) ? topic.slice(prefix.length) : undefined;
}

/** The request that an answer belongs to, as far as it says so itself. */
function kindOf(answer: Uint8Array): string {
  const term = decode(answer, answerLimits);
  const elements = term instanceof Tuple ? term.elements : [];
  const [, code] = elements;
  const word = code instanceof Tuple ? code.elements[1] : elements.at(-1);
  return isAtom(word) ? word.name : '-';
}

/** Where all workers know in which form each client asked last; `undefined` is ETF. */
export interface RequestFormats {
  remember(client: string, format: Format | undefined): Promise<void>;
  of(client: string): Promise<string | undefined>;
}

function isTextFormat(name: string | undefined): name is Format {
  return name !== undefined && Object.hasOwn(contentTypes, name);
}
