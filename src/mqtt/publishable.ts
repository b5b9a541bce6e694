import type { Publication } from './broker.ts';
import { MALFORMED_PACKET, RETAIN_NOT_SUPPORTED, TOPIC_NAME_INVALID } from './publish-errors.ts';

/** What a broker takes, as its CONNACK says. */
export interface BrokerLimits {
  /** Maximum Packet Size, in bytes. */
  readonly largestPacket: number;
  /** Maximum QoS. */
  readonly highestQos: 0 | 1 | 2;
  /** Retain Available. */
  readonly retains: boolean;
}

/** What holds for a broker that says nothing. */
export const noLimits: BrokerLimits = {
  largestPacket: Number.POSITIVE_INFINITY,
  highestQos: 2,
  retains: true,
};

/** Mosquitto ends the connection at a topic with more than 200 separators. */
const MAX_LEVELS = 200;

/** A topic of these characters needs no closer look: printable ASCII without the wildcards. */
const plainTopic = /^[ -"$-*,-~]+$/;

/** Brokers end the connection at control characters, lone surrogates and non-characters (MQTT 5.0, 1.5.4). */
const unfit = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
const plainText = /^[ -~]*$/;

const isUnfit = (text: string): boolean => !plainText.test(text) && unfit.test(text);

/** Whether a broker takes the text as a topic to publish to (MQTT 5.0, 4.7); its length in bytes is checked with the packet. */
export function isPublishableTopic(topic: string): boolean {
  if (topic.length < MAX_LEVELS && plainTopic.test(topic)) return true;
  if (topic === '' || isUnfit(topic) || topic.includes('+') || topic.includes('#')) return false;
  return hasLevels(topic, MAX_LEVELS);
}

/** Whether a topic has at most so many levels. */
export function hasLevels(topic: string, max: number): boolean {
  let at = -1;
  for (let levels = 1; levels <= max; levels++) {
    at = topic.indexOf('/', at + 1);
    if (at < 0) return true;
  }
  return false;
}

/** The reason code with which a broker would refuse a publication, or end the connection; sizes apart. */
export function refusalOf(publication: Publication, { retains }: BrokerLimits): number | undefined {
  const { topic, contentType, userProperties, retain } = publication;
  if (!isPublishableTopic(topic)) return TOPIC_NAME_INVALID;
  if (retain === true && !retains) return RETAIN_NOT_SUPPORTED;
  if (contentType !== undefined && isUnfit(contentType)) return MALFORMED_PACKET;
  if (userProperties === undefined) return undefined;
  const texts = Object.entries(userProperties).flat(2);
  return texts.some(isUnfit) ? MALFORMED_PACKET : undefined;
}
