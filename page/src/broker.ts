import { computed, signal } from '@preact/signals';
import mqtt, { type MqttClient } from 'mqtt';
import { Topics } from '../../src/protocol/topics.ts';
import { received, sent } from './conversation/messages.ts';
import { server } from './server.ts';
import { answered, readAnew } from './shown/outdated.ts';
import { readPayload } from './term.ts';

export type LineState = 'connecting' | 'connected' | 'broken';

const states = signal<ReadonlyMap<string, LineState>>(new Map());
const lines = new Map<string, MqttClient>();
let topics: Topics | undefined;
const encoder = new TextEncoder();

/** The Correlation Data of what the profile panel asks by itself; exchanges have numbers. */
const panelMark = 'profile-panel';

/** The lowest state of all connections. */
export const brokerState = computed((): LineState => {
  const all = [...states.value.values()];
  if (all.length === 0 || all.includes('connecting')) return 'connecting';
  return all.includes('broken') ? 'broken' : 'connected';
});

/** Differs in each tab, so that two tabs do not disconnect each other. */
const tab = Math.random().toString(36).slice(2, 8);

/** The MQTT client id that this page uses for a phone. */
export function clientOf(phone: string): string {
  return `page-${tab}-${phone}`;
}

/**
 * Gives the phone's client a session, connects it, and subscribes as its device does. @throws Error without a
 * session.
 */
export async function openLine(phone: string): Promise<void> {
  topics ??= new Topics(await server.topics());
  if (lines.has(phone)) return;
  const [answerTopic, noticeTopic] = [topics.answer(clientOf(phone)), topics.notice(phone)];
  const client = clientOf(phone);
  const report = (state: LineState): void => {
    states.value = new Map(states.value).set(phone, state);
  };
  report('connecting');
  const line = mqtt.connect(`ws://${location.host}/mqtt`, {
    clientId: client,
    protocolVersion: 5,
    reconnectPeriod: 1000,
    // The default uses a worker made of a blob, which the page's own policy refuses.
    timerVariant: 'native',
    manualConnect: true,
  });
  lines.set(phone, line);
  line.on('connect', () => {
    line.subscribe([answerTopic, noticeTopic], { qos: 1 }, (error) => {
      report(error ? 'broken' : 'connected');
      // What happened meanwhile was not heard.
      readAnew(phone);
    });
  });
  line.on('close', () => report('broken'));
  line.on('error', () => report('broken'));
  line.on('message', (topic, payload, { properties }) => {
    const correlation = properties?.correlationData && new TextDecoder().decode(properties.correlationData);
    if (correlation === panelMark) {
      answered({ phone, term: readPayload(payload).term, at: new Date(), answersGet: true });
      return;
    }
    received({
      phone,
      topic,
      payload,
      isNotice: topic === noticeTopic,
      exchange: correlation === undefined ? undefined : Number(correlation),
    });
  });
  try {
    await server.signIn({ client, phone });
  } finally {
    line.connect();
  }
}

/** Whether the phone's client is connected and hears answers. */
export function isConnected(phone: string): boolean {
  return states.value.get(phone) === 'connected';
}

/** Asks for the profile panel. It is no part of the conversation, and neither is its answer. */
export async function askForPanel(phone: string, payload: Uint8Array): Promise<void> {
  const line = lines.get(phone);
  if (topics === undefined || !line?.connected) return;
  await line.publishAsync(topics.request(), payload as Buffer, {
    qos: 1,
    properties: { correlationData: encoder.encode(panelMark) as Buffer },
  });
}

/** Publishes a request as the phone's device. @throws Error when the broker does not take it. */
export async function ask(phone: string, kind: string, payload: Uint8Array): Promise<void> {
  const line = lines.get(phone);
  if (topics === undefined || !line?.connected) throw new Error('there is no connection to the broker');
  // As clients in the field do: the broker inserts the client id.
  const topic = topics.request();
  const exchange = sent({ phone, kind, topic, payload });
  await line.publishAsync(topic, payload as Buffer, {
    qos: 2,
    properties: { correlationData: encoder.encode(String(exchange)) as Buffer },
  });
}
