import { connectAsync } from 'mqtt';
import type { SmtpSink } from './servers/smtp.ts';
import type { StsServer } from './servers/sts.ts';

/** The topic for fault orders, from MQTT Explorer or a script; the current state is retained below it. */
export const troubleTopic = 'dev/trouble';

type Server = 'mail' | 'sts';
type Order = (servers: { readonly smtp: SmtpSink; readonly sts: StsServer }, milliseconds: number) => void;

const mailWell = ({ smtp }: { readonly smtp: SmtpSink }): void => {
  smtp.refuse('none');
  smtp.hang(false);
  smtp.delay(0);
};

/** The faults that can be ordered, and what a client then receives. */
export const troubles: Readonly<
  Record<Server, Readonly<Record<string, readonly [order: Order, then: string]>>>
> = {
  mail: {
    ok: [() => undefined, 'link is answered email_sent'],
    slow: [({ smtp }, ms) => smtp.delay(ms), 'link is answered late; a get meanwhile is not'],
    refuse: [({ smtp }) => smtp.refuse('rcpt'), 'link is answered email_send'],
    greylist: [({ smtp }) => smtp.refuse('temporary'), 'link is answered email_send'],
    hang: [({ smtp }) => smtp.hang(true), 'link is answered email_send after SMTP_TIMEOUT_MS'],
  },
  sts: {
    ok: [({ sts }) => sts.mode('success'), 'aws is answered with credentials'],
    slow: [({ sts }, ms) => sts.mode('slow', ms), 'aws is answered added, and later with credentials'],
    refuse: [({ sts }) => sts.mode('AccessDenied'), 'aws is answered with the error aws'],
    throttle: [({ sts }) => sts.mode('Throttling'), 'aws is answered with the error aws, after retries'],
    break: [({ sts }) => sts.mode('500'), 'aws is answered with the error aws, after retries'],
    hang: [({ sts }) => sts.mode('hang'), 'aws is answered added, and the error aws after AWS_DEADLINE_MS'],
  },
};

/** Longer than a client waits for `added`, shorter than a worker waits for one call to STS. */
const slowMs = 2_000;

/**
 * Applies `mail slow`, `sts slow 5000`, ….
 * @returns the state after it, or the possible orders.
 */
export function order(
  text: string,
  servers: { readonly smtp: SmtpSink; readonly sts: StsServer },
): { readonly server: Server | undefined; readonly state: string } {
  const [name = '', what = '', milliseconds = String(slowMs)] = text.trim().split(/\s+/);
  const server = name === 'mail' || name === 'sts' ? name : undefined;
  const known =
    server === undefined || !Object.hasOwn(troubles[server], what) ? undefined : troubles[server][what];
  if (server === undefined || known === undefined || !/^\d{1,6}$/.test(milliseconds)) {
    const all = Object.entries(troubles).map(([each, orders]) => `${each} ${Object.keys(orders).join('|')}`);
    return { server: undefined, state: `not understood; one of: ${all.join(', ')}; slow takes milliseconds` };
  }
  const [carryOut, then] = known;
  if (server === 'mail') mailWell(servers);
  carryOut(servers, Number(milliseconds));
  return { server, state: `${server} ${what}${what === 'slow' ? ` ${milliseconds} ms` : ''}: ${then}` };
}

/** Takes orders by MQTT, and publishes the state retained on `dev/trouble/<server>`. */
export async function takeOrders(
  brokerUrl: string,
  servers: { readonly smtp: SmtpSink; readonly sts: StsServer },
  print: (state: string) => void,
): Promise<{ leave(): Promise<void> }> {
  const connection = await connectAsync(brokerUrl, { clientId: 'dev-trouble', protocolVersion: 5 });
  const carryOut = (text: string): void => {
    const { server, state } = order(text, servers);
    print(state);
    connection.publish(`${troubleTopic}/${server ?? 'help'}`, state, {
      qos: 1,
      retain: server !== undefined,
    });
  };
  connection.on('message', (_, payload, { retain }) => {
    if (!retain && payload.length > 0) carryOut(payload.toString());
  });
  await connection.subscribeAsync(troubleTopic, { qos: 1 });
  return { leave: () => connection.endAsync() };
}
