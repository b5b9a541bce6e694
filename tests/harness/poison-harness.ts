/** A harness whose workers speak to the broker through a relay that knows a marker in what they publish. */
import type { TestContext } from 'node:test';
import { mqttType, PUBLISH } from './framing.ts';
import { type Harness, type HarnessOptions, type Phone, startHarness } from './harness.ts';
import type { Relay } from './relay.ts';
import { feature, fieldsOf, profile } from './terms.ts';

export const marker = 'killing-words';

export async function harnessOf(t: TestContext, options: HarnessOptions): Promise<Harness> {
  const harness = await startHarness(options);
  t.after(() => harness.stop());
  return harness;
}

export const get = ({ number }: Phone) => profile({ phone: number, status: 'get' });

/** Store a profile whose answers hold some text. */
export async function set(phone: Phone, text = 'peaceful'): Promise<void> {
  const settings = [feature('WORDS', text)];
  fieldsOf(await phone.ask(profile({ phone: phone.number, settings, status: 'set' })));
}

/** A relay before the broker that shows each PUBLISH of a worker; `false` keeps it back. */
export function relayTo(harness: Harness, inspect: (packet: Buffer) => boolean): Promise<Relay> {
  return harness.relay({
    inspector: () => (packet, direction) =>
      direction === 'down' || mqttType(packet) !== PUBLISH || inspect(packet),
  });
}

export const brokerLost = 'profile_lost_connections_total{server="broker"}';
export const refusedAnswers = 'profile_publish_refused_total{kind="answer"}';
export const poisoned = 'profile_poisoned_requests_total';
/** `{io,{error,internal},<<>>}` */
export const internal = Buffer.from(
  '836803640002696f68026400056572726f72640008696e7465726e616c6d00000000',
  'hex',
);
