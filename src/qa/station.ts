import type { ConnectionOptions } from '../mqtt/broker.ts';
import { type BrokerConnection, type ConnectionLog, connectBroker } from '../mqtt/connection.ts';
import type { HintRecords } from './hints.ts';
import { missedTopic } from './near-misses.ts';
import type { QaOptions, QaTranslator, RequestFormats } from './translator.ts';

interface QaDeps extends Pick<QaOptions, 'topics' | 'requests'> {
  readonly records: RequestFormats & HintRecords;
  readonly phoneOf: (client: string) => Promise<string | undefined>;
  readonly log: ConnectionLog;
}

/** The QA translator; absent in production, which does not load it. */
export async function openQa(
  {
    qa,
    etfLimits: limits,
  }: { readonly qa: Pick<QaOptions, 'text' | 'mirror'>; readonly etfLimits: QaOptions['limits'] },
  { topics, requests, records, phoneOf, log }: QaDeps,
): Promise<QaTranslator | undefined> {
  if (!qa.text && !qa.mirror) return undefined;
  const on = [
    qa.text && 'requests may be text (QA_TEXT)',
    qa.mirror && 'all is mirrored on qa/# (QA_MIRROR)',
  ];
  log.info(`QA is on: ${on.filter(Boolean).join(', and ')}`);
  const { QaTranslator: Translator } = await import('./translator.ts');
  return new Translator({ ...qa, limits, topics, formats: records, requests, hints: { records, phoneOf } });
}

export interface StationOptions {
  /** The worker's own, of which this takes address and login. */
  readonly mqtt: Omit<ConnectionOptions, 'url' | 'filter'> & {
    readonly urls: readonly string[];
    readonly shareGroup: string;
  };
  /** Absent, or without a mirror: nothing is done. */
  readonly qa: QaTranslator | undefined;
  /** The worker's connections, in the same order: its state is published there. */
  readonly brokers: readonly BrokerConnection[];
  /** Why the worker takes no requests; none if it does. */
  readonly troubles: () => readonly string[];
  /** Of the program. */
  readonly version: string;
  readonly log: ConnectionLog;
}

/**
 * What a worker in QA mode does beside requests: it publishes the help, hears from the broker's plugin which publishes became none
 * (`plugin_opt_hints`), each at one worker, and keeps its state on `qa/status/<worker>`.
 * @returns what ends it.
 */
export function openQaStation(options: StationOptions): () => Promise<void> {
  const { mqtt, qa, brokers, log } = options;
  if (!qa?.isMirroring) return () => Promise.resolve();
  for (const broker of brokers) qa.publishHelp(broker, log);
  const { clientId, shareGroup, urls } = mqtt;
  const ears = urls.map((url) =>
    connectBroker(
      {
        ...mqtt,
        url,
        clientId: `${clientId}-qa`,
        filter: `$share/${shareGroup}-qa/${missedTopic}+`,
        receiveMaximum: 16,
        sessionExpirySeconds: 0,
      },
      (delivery) => {
        qa.missed(delivery, log);
        delivery.acknowledge();
      },
    ),
  );
  const telling = tellState(options);
  return async () => {
    clearInterval(telling);
    await Promise.all(ears.map((ear) => ear.close()));
  };
}

/** How often the state is looked at, and after how long it is published again. The broker forgets that of a dead worker. */
const lookMs = 1_000;
const againMs = 15_000;
const expirySeconds = 45;

function tellState({ mqtt, brokers, troubles, version }: StationOptions) {
  const { clientId: worker } = mqtt;
  const told = new Map<BrokerConnection, { readonly text: string; readonly at: number }>();
  const tell = (): void => {
    const now = troubles();
    const text = JSON.stringify({ ready: now.length === 0, troubles: now, worker, version }, undefined, 2);
    for (const broker of brokers) {
      const last = told.get(broker);
      const isFresh = last?.text === text && performance.now() - last.at < againMs;
      if (isFresh || !broker.state.connected) continue;
      told.set(broker, { text, at: performance.now() });
      const publication = {
        topic: `qa/status/${worker}`,
        payload: Buffer.from(text),
        qos: 0,
        retain: true,
      } as const;
      broker
        .publish({ ...publication, expirySeconds, contentType: 'application/json' })
        .catch(() => undefined);
    }
  };
  const timer = setInterval(tell, lookMs);
  timer.unref();
  return timer;
}
