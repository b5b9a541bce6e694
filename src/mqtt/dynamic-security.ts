import { randomUUID } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import { causeOf } from './causes.ts';
import { clientOptions } from './client-options.ts';

/**
 * Speaks to Mosquitto's dynamic-security plugin, which keeps the clients, groups and roles of a broker: JSON commands
 * to a topic, one reply to each on another (mosquitto.org/documentation/dynamic-security).
 */

const CONTROL = '$CONTROL/dynamic-security/v1';
const ANSWER_TIMEOUT_MS = 10_000;

/** `{ command: 'createClient', username: … }`, as the plugin's documentation names the fields. */
export interface SecurityCommand {
  readonly command: string;
  readonly [field: string]: unknown;
}

/** What the plugin says to one command. */
export interface SecurityReply {
  readonly command: string;
  /** Why it was not carried out; absent when it was. */
  readonly error?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface DynamicSecurity {
  /**
   * Carry out commands in order. One that fails does not keep those after it from being carried out.
   * @returns a reply to each, in the same order.
   * @throws Error, with the cause in words, when the broker can't be reached or does not answer.
   */
  run(commands: readonly SecurityCommand[]): Promise<readonly SecurityReply[]>;
  close(): Promise<void>;
}

export interface SecurityConnection {
  readonly url: string;
  /** Must be no one else's; several connections of one program need several. */
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: { ca?: Buffer | undefined; cert?: Buffer | undefined; key?: Buffer | undefined };
}

interface Waiting {
  readonly replies: SecurityReply[];
  readonly count: number;
  readonly resolve: (replies: SecurityReply[]) => void;
}

/** Connects with the first command, and stays connected until `close`. */
export function openDynamicSecurity(connection: SecurityConnection): DynamicSecurity {
  const waiting = new Map<string, Waiting>();
  let client: Promise<MqttClient> | undefined;

  const take = (payload: Buffer): void => {
    for (const { correlationData, ...reply } of repliesIn(payload)) {
      // Mosquitto 2.0 tells every administrator what it told one.
      const waiter = waiting.get(correlationData ?? '');
      waiter?.replies.push(reply);
      if (waiter && waiter.replies.length === waiter.count) waiter.resolve(waiter.replies);
    }
  };

  const connected = (): Promise<MqttClient> => {
    client ??= connect(connection, take).catch((error: unknown) => {
      client = undefined; // the next command tries again
      throw error;
    });
    return client;
  };

  return {
    async run(commands) {
      if (commands.length === 0) return [];
      const mqtt = await connected();
      const correlationData = randomUUID();
      const answered = new Promise<SecurityReply[]>((resolve) => {
        waiting.set(correlationData, { replies: [], count: commands.length, resolve });
      });
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(SILENCE)), ANSWER_TIMEOUT_MS);
      });
      try {
        const message = { commands: commands.map((command) => ({ ...command, correlationData })) };
        const sent = mqtt.publishAsync(CONTROL, JSON.stringify(message), { qos: 1 }).catch(() => {
          throw new Error(REFUSAL);
        });
        return await Promise.race([sent.then(() => answered), late]);
      } finally {
        clearTimeout(timer);
        waiting.delete(correlationData);
      }
    },
    async close() {
      const open = client;
      client = undefined;
      await open?.then(
        (mqtt) => mqtt.endAsync(true),
        () => undefined,
      );
    },
  };
}

const SILENCE =
  'the broker did not answer: is its dynamic-security plugin loaded, and may this user name manage it?';
const REFUSAL = 'the broker lets this user name manage no clients (dynamic-security)';

async function connect(connection: SecurityConnection, take: (payload: Buffer) => void): Promise<MqttClient> {
  const { url, clientId, username, password, tls } = connection;
  const worker = clientOptions({
    url,
    clientId,
    filter: '',
    receiveMaximum: 100,
    sessionExpirySeconds: 0,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: tls as { ca?: Buffer; cert?: Buffer; key?: Buffer } }),
  });
  let client: MqttClient;
  try {
    client = await connectAsync(url, { ...worker, clean: true, reconnectOnConnackError: false }, false);
  } catch (error) {
    throw new Error(causeOf(error as Error));
  }
  client.on('error', () => undefined); // it reconnects; a command that gets no answer says so
  client.on('message', (_, payload) => take(payload));
  const subscribe = () => client.subscribeAsync(`${CONTROL}/response`, { qos: 1 });
  try {
    await subscribe();
  } catch {
    await client.endAsync(true);
    throw new Error(REFUSAL);
  }
  client.on('connect', () => void subscribe().catch(() => undefined));
  return client;
}

function repliesIn(payload: Buffer): (SecurityReply & { correlationData?: string })[] {
  try {
    return (JSON.parse(payload.toString()) as { responses?: SecurityReply[] }).responses ?? [];
  } catch {
    return [];
  }
}
