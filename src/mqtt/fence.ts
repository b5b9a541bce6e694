import type { MqttClient } from 'mqtt';

/** A filter without a subscription: unsubscribing from it only gets an answer. */
const nowhere = 'fence';

const STEADY_ROUND_TRIPS = 4;

/**
 * Checks whether a connection still has the broker session. A broker keeps a session on one connection at a time. So an
 * answer on the connection of a message proves that no other connection has received that message.
 */
export class Fence {
  readonly #client: MqttClient;

  constructor(client: MqttClient) {
    this.#client = client;
  }

  /** The current connection, for a later check. */
  get connection(): object {
    return this.#client.stream;
  }

  /** Takes one round trip; on a dead connection, until the keep-alive finds that out. */
  async isCurrentSession(connection: object): Promise<boolean> {
    const isUp = (): boolean => this.#client.connected && this.#client.stream === connection;
    if (!isUp()) return false;
    const isAnswered = await this.#client.unsubscribeAsync(nowhere).then(
      () => true,
      () => false, // the connection broke
    );
    return isAnswered && isUp();
  }

  /** Whether several round trips in a row succeed on the current connection. */
  async isSteady(): Promise<boolean> {
    const { connection } = this;
    for (let left = STEADY_ROUND_TRIPS; left > 0; left--)
      if (!(await this.isCurrentSession(connection))) return false;
    return true;
  }
}
