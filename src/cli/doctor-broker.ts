import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import type { Settings } from '../config/settings.ts';
import { atom, decode, encode, print, type Term } from '../etf/index.ts';
import { Topics } from '../protocol/topics.ts';
import { makeRecord } from '../qa/formats/record-fields.ts';
import { type CliClient, connectClient, ownClientId } from './client.ts';
import type { DoctorOptions, Finding } from './doctor-finding.ts';
import { CliFault } from './terminal.ts';

const patienceMs = 3_000;

/** Checks a broker: whether it is reachable, has the plugin, lets requests through, and a worker answers. */
export async function checkBroker(settings: Settings, options: DoctorOptions): Promise<Finding[]> {
  const findings = await Promise.all(
    settings.mqtt.urls.map(async (url) => {
      const own = { ...settings, mqtt: { ...settings.mqtt, urls: [url] } };
      const { host } = new URL(url);
      return (await checkOne(own, options)).map((finding) => ({
        ...finding,
        check: `${finding.check} ${host}`,
      }));
    }),
  );
  return findings.flat();
}

async function checkOne(settings: Settings, options: DoctorOptions): Promise<Finding[]> {
  const client = options.client ?? ownClientId(settings);
  let connected: CliClient;
  try {
    connected = await connectClient(settings, { client, tokenFile: options.tokenFile });
  } catch (error) {
    if (!(error instanceof CliFault)) throw error;
    return [
      { check: 'broker', state: 'failed', saw: error.message, advice: adviceOnConnecting(error.message) },
    ];
  }
  try {
    const topics = new Topics(settings.topics);
    const heard = await ask(connected, client, topics);
    return [
      { check: 'broker', state: 'ok', saw: `takes connections as ${client}` },
      rights(heard, topics),
      plugin(heard, client, { topics, settings }),
      worker(heard),
    ];
  } finally {
    await connected.mqtt.endAsync(true);
  }
}

function adviceOnConnecting(message: string): string {
  if (/not authorized|user name|password/i.test(message)) {
    return 'MQTT_USERNAME and MQTT_PASSWORD must be of a user of the broker; with --client the token must be that client’s';
  }
  if (/certificate|tls|ssl/i.test(message))
    return 'MQTT_CA must be the certificate that the broker’s was signed with';
  return 'is the broker running, and is MQTT_URL its address as seen from here?';
}

/** The result of a request for a phone that does not exist. */
interface Heard {
  /** Why the broker refused the request. */
  readonly refusal: string | undefined;
  /** Whether this user has the rights of a worker: to read requests and publish answers. */
  readonly isWorker: boolean;
  /** The request as delivered; `undefined` when none arrived, `'hidden'` when this user may not read requests. */
  readonly topic: string | 'hidden' | undefined;
  readonly answer: Term | undefined;
  readonly milliseconds: number;
}

async function ask({ mqtt, token }: CliClient, client: string, topics: Topics): Promise<Heard> {
  const answersOn = topics.answer(client);
  let topic: string | undefined;
  let answer: Term | undefined;
  const mark = randomBytes(8);
  const request = makeRecord(
    'Profile',
    new Map<string, Term>([
      ['phone', Buffer.from('00000')],
      ['services', mark],
      ['status', atom('get')],
    ]),
  );
  const started = performance.now();
  let answeredAt = started;
  mqtt.on('message', (on, payload) => {
    if (on === answersOn) {
      answeredAt = performance.now();
      answer = decode(payload);
    } else if (payload.includes(mark)) topic = on;
  });
  const canListen = await isGranted(mqtt, answersOn);
  const canRead = await isGranted(mqtt, topics.requests);
  const refusal = await mqtt
    .publishAsync(topics.request(token === '' ? '' : client, token), encode(request), { qos: 1 })
    .then(
      () => undefined,
      (error: Error) => error.message,
    );
  const isComplete = (): boolean => (answer !== undefined || !canListen) && (topic !== undefined || !canRead);
  const end = Date.now() + (refusal === undefined ? patienceMs : 0);
  while (!isComplete() && Date.now() < end) await sleep(20);
  const isWorker = canRead && refusal !== undefined && (await mayAnswer(mqtt, answersOn));
  const seen = topic ?? (canRead ? undefined : 'hidden');
  return {
    refusal,
    isWorker,
    topic: seen,
    answer,
    milliseconds: Math.round((answeredAt - started) * 10) / 10,
  };
}

/** An empty answer on a topic without subscribers. */
function mayAnswer(mqtt: MqttClient, topic: string): Promise<boolean> {
  return mqtt.publishAsync(topic, '', { qos: 1 }).then(
    () => true,
    () => false,
  );
}

function isGranted(mqtt: MqttClient, filter: string): Promise<boolean> {
  return mqtt.subscribeAsync(filter, { qos: 1 }).then(
    ([grant]) => (grant?.qos ?? 128) < 128,
    () => false,
  );
}

interface Configured {
  readonly settings: Settings;
  readonly topics: Topics;
}

function rights({ refusal, isWorker }: Heard, { requests }: Topics): Finding {
  const check = 'rights';
  if (isWorker) {
    return {
      check,
      state: 'ok',
      saw: 'a worker’s: this user may read requests and publish answers, and not ask',
      advice: 'to ask as well, give --client and --token-file of a session',
    };
  }
  if (refusal === undefined) return { check, state: 'ok', saw: 'the broker takes requests' };
  return {
    check,
    state: 'failed',
    saw: `the broker takes no request from this user: ${refusal}`,
    advice: `ask as a phone: --client and --token-file of a session; for phones the role phone allows ${requests}`,
  };
}

function plugin(
  { refusal, topic, answer }: Heard,
  client: string,
  { topics, settings }: Configured,
): Finding {
  const { clientIdentity } = settings;
  const check = 'plugin';
  const named = topic === undefined || topic === 'hidden' ? undefined : topics.readRequest(topic)?.client;
  if (clientIdentity === 'token') return { check, state: 'skipped', saw: 'CLIENT_IDENTITY=token needs none' };
  if (named === client)
    return { check, state: 'ok', saw: 'client_identity writes the client id into requests' };
  if (named !== undefined) {
    return {
      check,
      state: 'failed',
      saw: `a request comes with the client level “${named}”`,
      advice:
        'load mosquitto/plugin/client_identity.so: `plugin plugin/client_identity.so` in mosquitto.conf',
    };
  }
  if (answer !== undefined) return { check, state: 'ok', saw: 'an answer has found this client' };
  const saw =
    refusal === undefined
      ? 'this user may not see requests, and none is answered'
      : 'no request to see it on';
  return { check, state: 'skipped', saw };
}

function worker({ refusal, answer, milliseconds }: Heard): Finding {
  const check = 'worker';
  if (answer !== undefined) {
    return { check, state: 'ok', saw: `answers ${print(answer)} after ${milliseconds} ms` };
  }
  if (refusal !== undefined) return { check, state: 'skipped', saw: 'nothing could be asked' };
  return {
    check,
    state: 'failed',
    saw: `no answer within ${patienceMs / 1000} s`,
    advice: 'is a worker running and ready (/readyz), subscribed at this broker, and the plugin loaded?',
  };
}
