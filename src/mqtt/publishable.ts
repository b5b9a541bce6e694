import { isPublishableTopic, isUnfit } from '../lib/topic-rules.ts';
import type { Publication } from './broker.ts';
import { MALFORMED_PACKET, RETAIN_NOT_SUPPORTED, TOPIC_NAME_INVALID } from './publish-errors.ts';

/** The limits in the CONNACK of a broker. */
export interface BrokerLimits {
  /** Maximum Packet Size, in bytes. */
  readonly largestPacket: number;
  /** Maximum QoS. */
  readonly highestQos: 0 | 1 | 2;
  /** Retain Available. */
  readonly retains: boolean;
}

/** The defaults of MQTT 5 (3.2.2.3). */
export const noLimits: BrokerLimits = {
  largestPacket: Number.POSITIVE_INFINITY,
  highestQos: 2,
  retains: true,
};

/** The reason code with which a broker would refuse a publication or end the connection. Sizes are not checked. */
export function refusalOf(publication: Publication, { retains }: BrokerLimits): number | undefined {
  const { topic, contentType, userProperties, retain } = publication;
  if (!isPublishableTopic(topic)) return TOPIC_NAME_INVALID;
  if (retain === true && !retains) return RETAIN_NOT_SUPPORTED;
  if (contentType !== undefined && isUnfit(contentType)) return MALFORMED_PACKET;
  if (userProperties === undefined) return undefined;
  const texts = Object.entries(userProperties).flat(2);
  return texts.some(isUnfit) ? MALFORMED_PACKET : undefined;
}
