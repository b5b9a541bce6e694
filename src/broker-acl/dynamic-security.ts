import { randomUUID } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import type { BrokerLogin } from '../mqtt/broker.ts';
import { causeOf } from '../mqtt/causes.ts';
import { clientOptions } from '../mqtt/client-options.ts';

/**
 * A client of Mosquitto's dynamic-security plugin, which holds the clients, groups and roles of a broker. Commands are JSON
 * on one topic, replies on another (mosquitto.org/documentation/dynamic-security).
 */

const CONTROL = '$CONTROL/dynamic-security/v1';
/** Maximum time from sending commands to their replies. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** `{ command: 'createClient', username: … }`, as the plugin's documentation names the fields. */
export interface SecurityCommand {
  readonly command: string;
  readonly [field: string]: unknown;
}

/** The reply of the plugin to one command. */
export interface SecurityReply {
  readonly command: string;
  /** Why the plugin did not execute it; absent when it did. */
  readonly error?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface DynamicSecurity {
  /**
   * Execute commands in order. After a failed one, the next ones still run.
   * @param isAllowed - called in the turn of the event loop that sends the commands; `false` stops them.
   * @returns a reply to each, in the same order.
   * @throws Unanswered when their outcome is unknown; Error, with the cause in words, when they were not sent because the
   *   broker cannot be reached or `isAllowed` returned false.
   */
  run(commands: readonly SecurityCommand[], isAllowed?: () => boolean): Promise<readonly SecurityReply[]>;
  /** Disconnect; the next command connects again. */
  close(): Promise<void>;
}

/** The commands were sent, but their outcome is unknown. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

interface Waiting {
  readonly replies: SecurityReply[];
  readonly count: number;
  /** The connection that sent them. */
  readonly mqtt: MqttClient;
  readonly resolve: (replies: SecurityReply[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Connects with the first command, until `close` or until the connection breaks. It never sends a command again, because
 * an old command may be wrong by then.
 * @param login - with a client id of its own for each connection.
 */
export function openDynamicSecurity(login: BrokerLogin): DynamicSecurity {
  const waiting = new Map<string, Waiting>();
  let client: Promise<MqttClient> | undefined;

  const take = (payload: Buffer): void => {
    for (const { correlationData, ...reply } of repliesIn(payload)) {
      // Mosquitto 2.0 sends every reply to all administrators.
      const waiter = waiting.get(correlationData ?? '');
      waiter?.replies.push(reply);
      if (waiter && waiter.replies.length === waiter.count) waiter.resolve(waiter.replies);
    }
  };

  const connected = (): Promise<MqttClient> => {
    client ??= open();
    return client;
  };
  const open = (): Promise<MqttClient> => {
    const opening = connect(login, take);
    // The next command connects again.
    const forget = (): void => {
      if (client === opening) client = undefined;
    };
    opening.then((mqtt) => {
      const lost = (): void => {
        forget();
        for (const waiter of waiting.values())
          if (waiter.mqtt === mqtt) waiter.reject(new Unanswered(BROKEN));
      };
      mqtt.once('close', lost);
      if (!mqtt.connected) lost();
    }, forget);
    return opening;
  };
  const close = async (): Promise<void> => {
    const leaving = client;
    client = undefined;
    await leaving?.then(
      (mqtt) => mqtt.endAsync(true),
      () => undefined,
    );
  };

  const ask = (mqtt: MqttClient, commands: readonly SecurityCommand[]): Promise<SecurityReply[]> => {
    const correlationData = randomUUID();
    let timer: NodeJS.Timeout | undefined;
    return new Promise<SecurityReply[]>((resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Unanswered(SILENCE));
        // The next connection under this client id ends this one at the broker.
        void close();
      }, ANSWER_TIMEOUT_MS);
      waiting.set(correlationData, { replies: [], count: commands.length, mqtt, resolve, reject });
      const message = { commands: commands.map((command) => ({ ...command, correlationData })) };
      mqtt
        .publishAsync(CONTROL, JSON.stringify(message), { qos: 1 })
        .catch(() => reject(mqtt.connected ? new Error(REFUSAL) : new Unanswered(BROKEN)));
    }).finally(() => {
      clearTimeout(timer);
      waiting.delete(correlationData);
    });
  };

  return {
    async run(commands, isAllowed = () => true) {
      if (commands.length === 0) return [];
      const mqtt = await connected();
      if (!isAllowed()) throw new Error('another one changes this by now');
      return ask(mqtt, commands);
    },
    close,
  };
}

const SILENCE =
  'the broker did not answer: is its dynamic-security plugin loaded, and may this user name manage it?';
const BROKEN = 'the connection to the broker broke';
const REFUSAL = 'the broker lets this user name manage no clients (dynamic-security)';

async function connect(login: BrokerLogin, take: (payload: Buffer) => void): Promise<MqttClient> {
  const worker = clientOptions({ ...login, receiveMaximum: 100, sessionExpirySeconds: 0 });
  let client: MqttClient;
  try {
    client = await connectAsync(
      login.url,
      { ...worker, clean: true, reconnectPeriod: 0, reconnectOnConnackError: false },
      false,
    );
  } catch (error) {
    throw new Error(causeOf(error as Error));
  }
  client.on('error', () => undefined); // 'close' follows
  client.on('message', (_, payload) => take(payload));
  let timer: NodeJS.Timeout | undefined;
  const broken = new Promise<Error>((resolve) => {
    client.once('close', () => resolve(new Error(BROKEN)));
    timer = setTimeout(() => resolve(new Error(SILENCE)), ANSWER_TIMEOUT_MS);
  });
  const refused = client.subscribeAsync(`${CONTROL}/response`, { qos: 1 }).then(
    () => undefined,
    () => new Error(REFUSAL),
  );
  const trouble = await Promise.race([refused, broken]);
  clearTimeout(timer);
  if (trouble === undefined) return client;
  await client.endAsync(true);
  throw trouble;
}

function repliesIn(payload: Buffer): (SecurityReply & { correlationData?: string })[] {
  try {
    return (JSON.parse(payload.toString()) as { responses?: SecurityReply[] }).responses ?? [];
  } catch {
    return [];
  }
}
