/** A stage whose workers speak to the broker through a relay that knows a marker in what they publish. */
import type { TestContext } from 'node:test';
import { Relay } from './framed-relay.ts';
import { mqttEnd, mqttType, PUBLISH } from './framing.ts';
import { type Harness, type HarnessOptions, type Phone, startHarness } from './harness.ts';
import { feature, fieldsOf, profile } from './terms.ts';

export const marker = 'killing-words';

/** What a test has started beside its stage, to be stopped before it. */
const besides = new WeakMap<Harness, (() => Promise<unknown>)[]>();

export async function stageOf(t: TestContext, options: HarnessOptions): Promise<Harness> {
  const harness = await startHarness(options);
  besides.set(harness, []);
  t.after(async () => {
    try {
      for (const end of besides.get(harness) ?? []) await end();
    } finally {
      await harness.stop();
    }
  });
  return harness;
}

/** Stop the workers first: they leave through the relay. */
export function stopWith(harness: Harness, relay: Relay): Relay {
  besides.get(harness)?.push(async () => {
    await Promise.all(harness.workers.map(({ process }) => process.stop()));
    await relay.stop();
  });
  return relay;
}

export const get = ({ number }: Phone) => profile({ phone: number, status: 'get' });

/** Store a profile whose answers hold some text. */
export async function set(phone: Phone, text = 'peaceful'): Promise<void> {
  const settings = [feature('WORDS', text)];
  fieldsOf(await phone.ask(profile({ phone: phone.number, settings, status: 'set' })));
}

/** A relay before the broker that shows each PUBLISH of a worker; `false` keeps it back. */
export async function relayTo(harness: Harness, inspect: (packet: Buffer) => boolean): Promise<Relay> {
  const relay = await Relay.start({
    port: harness.broker.port,
    packetEnd: mqttEnd,
    inspector: () => (packet, direction) =>
      direction === 'down' || mqttType(packet) !== PUBLISH || inspect(packet),
  });
  return stopWith(harness, relay);
}

export const urlOf = ({ port }: Relay): string => `mqtt://127.0.0.1:${port}`;

export const brokerLost = 'profile_lost_connections_total{server="broker"}';
export const refusedAnswers = 'profile_publish_refused_total{kind="answer"}';
export const poisoned = 'profile_poisoned_requests_total';

/** `{io,{error,internal},<<>>}` */
export const internal = Buffer.from(
  '836803640002696f68026400056572726f72640008696e7465726e616c6d00000000',
  'hex',
);

/** Stop these before the relays. */
export const stopFirst = (harness: Harness, end: () => Promise<unknown>): void =>
  void besides.get(harness)?.unshift(end);
