import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { atom, decode, encode, type Term } from '../etf/index.ts';
import { makeRecord } from '../qa/formats/record-fields.ts';
import type { CliClient } from './client.ts';
import { isGranted, type Member } from './doctor-rights.ts';

export const patienceMs = 3_000;

/** A request for a phone that does not exist. */
export interface Question {
  readonly asker: CliClient;
  /** The asker's client id. */
  readonly client: string;
  /** What the topic's client level says. */
  readonly as: string;
  /** Whether the topic has the asker's token. */
  readonly withToken: boolean;
  /** What sees the request, if the broker delivers it to a shared subscription. */
  readonly member: Member;
}

/** What became of it. */
export interface Asked {
  /** Why the broker refused the request. */
  readonly refusal: string | undefined;
  /** Whether the broker refuses a request in another client's name, and takes one in our own. */
  readonly isOtherRefused?: boolean;
  /** The client level of the request as it was delivered; undefined when it was not seen. */
  readonly client: string | undefined;
  readonly isSeen: boolean;
  readonly answer: Term | undefined;
  readonly milliseconds: number;
}

/** Ask, and wait until the request was delivered and is answered, for three seconds at most. */
export async function ask({ asker, client, as, withToken, member }: Question): Promise<Asked> {
  const { mqtt, token } = asker;
  const { topics } = member;
  const answers = topics.answer(client);
  const mark = randomBytes(8);
  let answer: Term | undefined;
  let seen: string | undefined;
  const started = performance.now();
  let answeredAt = started;
  const take = (topic: string, payload: Buffer): void => {
    if (topic !== answers || payload.length === 0) return;
    answeredAt = performance.now();
    answer = decode(payload);
  };
  const see = (topic: string, payload: Buffer): void => {
    if (payload.includes(mark)) seen ??= topic;
  };
  mqtt.on('message', take);
  member.connection.mqtt.on('message', see);
  try {
    const canListen = await isGranted(mqtt, answers);
    const topic = topics.request(as, withToken ? token : '');
    const refusal = await mqtt.publishAsync(topic, questionOf(mark), { qos: 1 }).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const isComplete = (): boolean =>
      (answer !== undefined || !canListen || wentToAnother()) && (seen !== undefined || !member.isJoined);
    const wentToAnother = (): boolean => seen !== undefined && topics.readRequest(seen)?.client !== client;
    const end = Date.now() + (refusal === undefined ? patienceMs : 0);
    while (!isComplete() && Date.now() < end) await sleep(20);
    return {
      refusal,
      client: seen === undefined ? undefined : topics.readRequest(seen)?.client,
      isSeen: seen !== undefined,
      answer,
      milliseconds: Math.round((answeredAt - started) * 10) / 10,
    };
  } finally {
    mqtt.off('message', take);
    member.connection.mqtt.off('message', see);
  }
}

function questionOf(mark: Buffer): Buffer {
  const fields: [string, Term][] = [
    ['phone', Buffer.from('00000')],
    ['services', mark],
    ['status', atom('get')],
  ];
  return Buffer.from(encode(makeRecord('Profile', new Map(fields))));
}
