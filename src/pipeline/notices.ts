import type { Notice } from '../handlers/outcome.ts';
import { ConnectionClosed, type Publication, type Publisher } from '../mqtt/connection.ts';
import { contentType } from '../protocol/content-type.ts';
import type { Topics } from '../protocol/topics.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { noteRefused } from './refused-publications.ts';
import type { NoticePublisher } from './responder.ts';

export interface NoticeDeps {
  readonly topics: Topics;
  /** All of them: nobody knows where a counterparty's devices are. */
  readonly brokers: readonly Publisher[];
  /** For brokers of which there are several: none waits for another. */
  readonly outboxRelay: NoticePublisher;
  readonly replyQos: 0 | 1 | 2;
  /** So long the broker keeps a notice that nobody fetches. */
  readonly replyExpirySeconds: number;
  readonly metrics: Pick<Metrics, 'noticed' | 'publishRefused'>;
  readonly log: Log;
}

/**
 * Publish notices at every broker; done when the brokers have accepted them.
 * @throws ConnectionClosed when this worker leaves a broker before that.
 */
export async function publishNotices(notices: readonly Notice[], deps: NoticeDeps): Promise<void> {
  const { topics, brokers, replyQos: qos, replyExpirySeconds: expirySeconds, metrics } = deps;
  const publishing = notices.flatMap(({ phone, payload }) => {
    const publication = { topic: topics.notice(phone), payload, qos, expirySeconds, contentType };
    return brokers.map((broker) => accepted(broker, publication, deps));
  });
  await Promise.all(publishing);
  metrics.noticed(notices.length);
}

async function accepted(broker: Publisher, publication: Publication, deps: NoticeDeps): Promise<void> {
  const { brokers, outboxRelay } = deps;
  try {
    await (brokers.length === 1 ? broker.publish(publication) : outboxRelay.publish(broker, publication));
  } catch (error) {
    if (error instanceof ConnectionClosed) throw error;
    noteRefused('notice', error, deps);
  }
}
