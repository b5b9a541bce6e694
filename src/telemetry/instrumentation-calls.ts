import type { Mail } from '../services/mail/mailer.ts';
import type { Sts } from '../services/sts/client.ts';
import { redisCalls } from '../store/redis/calls.ts';
import type { Database } from '../store/redis/database.ts';
import { redisFaultNames } from '../store/redis/faults.ts';
import type { Metrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

const services = {
  mail: { name: 'mail', attributes: { 'network.protocol.name': 'smtp' } },
  sts: {
    name: 'STS AssumeRole',
    attributes: { 'rpc.system': 'aws-api', 'rpc.service': 'STS', 'rpc.method': 'AssumeRole' },
  },
} as const;

/**
 * Times calls to other servers. With `tracing`, each call is a span that covers all its retries.
 * Redis calls of one turn of the event loop share a pipeline, so their spans overlap.
 */
export class CallInstrumentation {
  readonly #metrics: Metrics;
  readonly #tracing: Tracing | undefined;

  constructor(metrics: Metrics, tracing: Tracing | undefined) {
    this.#metrics = metrics;
    this.#tracing = tracing;
  }

  /** Instruments the calls to Redis of the whole process. */
  redis(): void {
    redisCalls.onRoundTrip = this.#metrics.roundTrip;
    const tracing = this.#tracing;
    redisCalls.trace =
      tracing &&
      ((name, call) =>
        tracing.call({ name: `redis ${name}`, attributes: { 'db.system.name': 'redis' } }, call));
  }

  /** Shows what is wrong with Redis. */
  faultsOf(redis: Pick<Database, 'state'>): void {
    this.#metrics.redisFault(redisFaultNames, () => redis.state.fault?.name);
  }

  /** @returns `mail` with `sendCode` instrumented. */
  mail(mail: Mail): Mail {
    const sendCode: Mail['sendCode'] = (message) => this.#service('mail', () => mail.sendCode(message));
    return { ...mail, sendCode };
  }

  /** @returns `sts` with `assumeRole` instrumented. */
  sts(sts: Sts): Sts {
    const assumeRole: Sts['assumeRole'] = (phone) => this.#service('sts', () => sts.assumeRole(phone));
    return { ...sts, assumeRole };
  }

  async #service<T extends string | object>(service: 'mail' | 'sts', call: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const answer = await (this.#tracing?.call(services[service], call, spanEnd) ?? call());
    this.#metrics.called(service, outcomeOf(answer), (performance.now() - startedAt) / 1000);
    return answer;
  }
}

/** Credentials are an object; every other answer is a word. */
function outcomeOf(answer: string | object): string {
  return typeof answer === 'string' ? answer : 'issued';
}

function spanEnd(answer: string | object) {
  const outcome = outcomeOf(answer);
  return { attributes: { 'profile.call.outcome': outcome }, failed: outcome === 'refused' };
}
