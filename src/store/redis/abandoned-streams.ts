import type { EventEmitter } from 'node:events';
import { AbstractConnector } from 'ioredis';

/** What ioredis keeps to itself. */
interface Connector {
  readonly stream?: EventEmitter | undefined;
  disconnect(): void;
}

let isGuarded = false;

/**
 * Keep an `error` of a connection that was given up from ending the process. ioredis listens for one error of a stream. A TLS
 * handshake that is under way when the stream is ended may fail twice: first our check of the certificate, then with the answer of
 * the server to the half of a handshake that it got. All of ioredis' connections end by this method, also those to Sentinels.
 */
export function guardAbandonedStreams(): void {
  if (isGuarded) return;
  isGuarded = true;
  const connectors = AbstractConnector.prototype as unknown as Connector;
  const { disconnect } = connectors;
  connectors.disconnect = function (this: Connector) {
    this.stream?.on('error', ignore);
    disconnect.call(this);
  };
}

/** The first error is told by ioredis; nobody waits for what comes after it. */
const ignore = (): void => undefined;
