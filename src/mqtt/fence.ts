import type { MqttClient } from 'mqtt';

/** Nobody subscribes to it: unsubscribing from it does nothing but get an answer. */
const nowhere = 'fence';

const STEADY_ROUND_TRIPS = 4;

/**
 * Tells whether the broker still keeps the session on a connection of ours. It keeps a session on one connection at a
 * time; so an answer on the one that a message came on, asked for after the message, means that the broker has given the
 * message to nobody else.
 */
export class Fence {
  readonly #client: MqttClient;

  constructor(client: MqttClient) {
    this.#client = client;
  }

  /** The connection now up, to be asked about later. */
  get connection(): object {
    return this.#client.stream;
  }

  /** Ask. Takes one round trip; when the connection is dead without a sign of it, until that is noticed. */
  async isCurrentSession(connection: object): Promise<boolean> {
    const isUp = (): boolean => this.#client.connected && this.#client.stream === connection;
    if (!isUp()) return false;
    const isAnswered = await this.#client.unsubscribeAsync(nowhere).then(
      () => true,
      () => false, // the connection broke
    );
    return isAnswered && isUp();
  }

  /** Whether the connection now up carries packets: several round trips in a row are answered. */
  async isSteady(): Promise<boolean> {
    const { connection } = this;
    for (let left = STEADY_ROUND_TRIPS; left > 0; left--)
      if (!(await this.isCurrentSession(connection))) return false;
    return true;
  }
}
