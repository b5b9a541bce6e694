import { randomBytes } from 'node:crypto';
import { connect, type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt';
import type { Settings } from '../config/settings.ts';
import { causeBeforeAnswer, reasonText } from '../mqtt/causes.ts';
import '../mqtt/refusal-codes.ts';
import { readWhole } from './files.ts';
import { CliFault } from './terminal.ts';

/** Whose credentials to use: the settings' user, or a client with its token. */
export interface Who {
  readonly client: string;
  readonly tokenFile?: string | undefined;
}

export interface CliClient {
  readonly mqtt: MqttClient;
  /** The token level of a request's topic; `''` without a token. */
  readonly token: string;
  /** What the broker said when it let us in. */
  readonly connack: IConnackPacket;
  /**
   * Rejects when the broker ends the connection, with the reason if it gives one. Race with it what waits for the broker: MQTT.js
   * leaves that waiting for ever.
   * @throws CliFault
   */
  readonly broken: Promise<never>;
}

/** A new client id that a broker can bind to the user: `profilectl-<user>-<8 hexadecimal digits>`. */
export function ownClientId({ mqtt: { username } }: Settings): string {
  const user = username === undefined ? '' : `${username.replace(/[^\w.-]/g, '_')}-`;
  return `profilectl-${user}${randomBytes(4).toString('hex')}`;
}

/** Connect to the first broker of MQTT_URL. @throws CliFault with the cause in words. */
export async function connectClient({ mqtt }: Settings, { client, tokenFile }: Who): Promise<CliClient> {
  // A clean session under a worker's client id would delete that worker's requests.
  if (client.startsWith(mqtt.workerPrefix)) throw new CliFault(`${client} is a worker’s client id`);
  const token = tokenFile === undefined ? '' : (await readWhole(tokenFile)).toString().trim();
  const [url = ''] = mqtt.urls;
  const login =
    token === ''
      ? { username: mqtt.username, password: mqtt.password }
      : { username: client, password: token };
  const options = {
    clientId: client,
    protocolVersion: 5,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: 5_000,
    ...mqtt.tls,
    ...login,
  } as const;
  try {
    const connected = await opened(url, options);
    return { ...connected, token, broken: brokenOff(connected.mqtt) };
  } catch (error) {
    const cause = causeBeforeAnswer(error as Error, url);
    throw new CliFault(`the broker at ${new URL(url).host} cannot be reached: ${cause}`);
  }
}

/** @throws Error of MQTT.js. */
async function opened(url: string, options: IClientOptions): Promise<Pick<CliClient, 'mqtt' | 'connack'>> {
  const mqtt = connect(url, options);
  try {
    const connack = await new Promise<IConnackPacket>((resolve, reject) => {
      mqtt.once('connect', resolve);
      mqtt.on('error', reject); // stays: later ones are seen as a missing answer
      mqtt.once('close', () => reject(new Error('connack timeout')));
    });
    return { mqtt, connack };
  } catch (error) {
    mqtt.end(true);
    throw error;
  }
}

function brokenOff(mqtt: MqttClient): Promise<never> {
  let reason = '';
  mqtt.once('disconnect', ({ reasonCode }) => {
    if (reasonCode) reason = `: ${reasonText(reasonCode)}`;
  });
  const broken = new Promise<never>((_, reject) => {
    mqtt.once('close', () => reject(new CliFault(`the broker ended the connection${reason}`)));
  });
  broken.catch(() => undefined); // nobody may be waiting
  return broken;
}
