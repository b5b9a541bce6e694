import type { CallTrace } from '../store/redis/calls.ts';
import type { Tracing } from './tracing.ts';

/**
 * A span for each call of the store: from when it is made until Redis has answered it, with all repetitions. Calls that
 * are made in one turn of the event loop share a pipeline, so their spans lie beside each other.
 */
export function traceRedis(tracing: Tracing): CallTrace {
  return (name, call) =>
    tracing.call({ name: `redis ${name}`, attributes: { 'db.system.name': 'redis' } }, call);
}

const services = {
  mail: { name: 'mail', attributes: { 'network.protocol.name': 'smtp' } },
  sts: {
    name: 'STS AssumeRole',
    attributes: { 'rpc.system': 'aws-api', 'rpc.service': 'STS', 'rpc.method': 'AssumeRole' },
  },
} as const;

/** A span for a call to the mail server or to STS, with its own repetitions. */
export function traceService<T>(
  tracing: Tracing,
  call: {
    readonly service: keyof typeof services;
    readonly call: () => Promise<T>;
    readonly outcomeOf: (answer: T) => string;
  },
): Promise<T> {
  return tracing.call(services[call.service], call.call, (answer) => {
    const outcome = call.outcomeOf(answer);
    return { attributes: { 'profile.call.outcome': outcome }, failed: outcome === 'refused' };
  });
}
