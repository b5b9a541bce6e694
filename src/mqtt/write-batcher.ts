import type { MqttClient } from 'mqtt';
import type { Acknowledgements } from './acknowledgements.ts';

/**
 * Batches the writes of one turn of the event loop, publishes and PUBACKs, into one system call.
 */
export class WriteBatcher {
  readonly #client: MqttClient;
  readonly #acknowledgements: Acknowledgements;
  readonly #onFlushed: () => void;
  #corked: MqttClient['stream'] | undefined;

  /** @param onFlushed - called after each batch. */
  constructor(client: MqttClient, acknowledgements: Acknowledgements, onFlushed: () => void) {
    this.#client = client;
    this.#acknowledgements = acknowledgements;
    this.#onFlushed = onFlushed;
  }

  /** Call before a write, and when an acknowledgement is due. */
  schedule(): void {
    if (this.#corked) return;
    this.#corked = this.#client.stream;
    this.#corked.cork();
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const corked = this.#corked;
    this.#corked = undefined;
    const { connected, stream } = this.#client;
    if (connected && stream.writable) {
      const bytes = this.#acknowledgements.take();
      if (bytes) stream.write(bytes);
    }
    corked?.uncork();
    this.#onFlushed();
  };
}
