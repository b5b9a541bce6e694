import { atom, encode, tuple } from '../src/etf/index.ts';
import { devices, olena, requestTopic } from './phones.ts';
import type { System } from './system.ts';
import { printfFormat } from './transcript.ts';

/** Prints how to send requests to a running system, one line each. */
export function guide({ mosquitto, redis, smtp, sts, workers }: System, pageUrl?: string): string[] {
  const ask = encode(tuple(atom('Profile'), Buffer.from(olena.phone), [], [], [], [], [], [], atom('get')));
  const publish = `mosquitto_pub -h 127.0.0.1 -p ${mosquitto.port} -i ${olena.client} -q 2 -t ${requestTopic} -s`;
  return [
    '',
    ...(pageUrl === undefined ? [] : [`Page       ${pageUrl}`]),
    `Broker     ${mosquitto.url}`,
    ...devices.map(({ client, phone }) => `  phone    ${phone}, client id ${client}`),
    `Redis      ${redis.url}`,
    `Mails      ${smtp.pageUrl}`,
    `AWS STS    ${sts.url}`,
    ...workers.map(
      ({ name, httpPort }) => `${name.padEnd(10)} http://127.0.0.1:${httpPort}/readyz and /metrics`,
    ),
    '',
    'The first two phones have profiles, and each other in their rosters; the third has a session and no profile yet.',
    `Ask for the profile of ${olena.phone} from another terminal. mosquitto_pub (package mosquitto-clients) prints nothing:`,
    'the request and its answer appear here.',
    '',
    `  printf ${printfFormat(ask)} | ${publish}`,
    '',
    'MQTT Explorer: connect it to the broker above, as it is; it is signed in as the first of these phones. Copy what is on',
    `qa/examples/… to ${requestTopic}; dev/help says what else a publish does. See docs/qa.md.`,
    '',
    'Messages of phones and workers follow below. Workers restart when a file in src/ changes.',
    'Ctrl-C ends all of it.',
    '',
  ];
}
