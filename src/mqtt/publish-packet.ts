import type { Publication, UserProperties } from './broker.ts';
import { PACKET_TOO_LARGE, PublishRefused } from './publish-errors.ts';
import { type BrokerLimits, noLimits, refusalOf } from './publishable.ts';

/** The fields of a PUBLISH besides its publication. */
export interface PublishFlags {
  readonly qos: 0 | 1 | 2;
  /** Packet Identifier, 1 to 65,535; ignored at QoS 0. */
  readonly packetId: number;
  /** The DUP flag: it was sent before. */
  readonly isResent: boolean;
}

/** A payload up to this size is copied behind its header: one write costs less than two. */
const COPIED_BYTES = 4096;

/** Maximum of a Variable Byte Integer (MQTT 5.0, 1.5.5). */
const MAX_REMAINING = 268_435_455;

/** Maximum size of a text or of binary data (MQTT 5.0, 1.5.4 and 1.5.6). */
const MAX_BYTES = 65_535;

// MQTT 5.0, 2.2.2.2
const MESSAGE_EXPIRY_INTERVAL = 0x02;
const CONTENT_TYPE = 0x03;
const CORRELATION_DATA = 0x09;
const USER_PROPERTY = 0x26;

/**
 * A PUBLISH as bytes, in one or two pieces.
 * @throws PublishRefused when the packet exceeds `limits` or 256 MB, a topic or property exceeds 65,535 bytes, or a broker
 *   would refuse the topic or a text.
 * @see MQTT 5.0, 3.3
 */
export function publishPacket(
  publication: Publication,
  { qos, packetId, isResent }: PublishFlags,
  limits: BrokerLimits = noLimits,
): Buffer[] {
  const { topic, payload, retain = false } = publication;
  const refusal = refusalOf(publication, limits);
  if (refusal !== undefined) throw new PublishRefused(refusal);
  const properties = propertiesLength(publication);
  const variableHeader = textLength(topic) + (qos > 0 ? 2 : 0) + integerLength(properties) + properties;
  const remaining = variableHeader + payload.length;
  const fixedHeader = 1 + integerLength(remaining);
  if (remaining > MAX_REMAINING || fixedHeader + remaining > limits.largestPacket) throw tooLarge();
  const isCopied = payload.length <= COPIED_BYTES;
  const packet = Buffer.allocUnsafe(fixedHeader + (isCopied ? remaining : variableHeader));

  packet[0] = 0x30 | (isResent ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0);
  let at = writeInteger(packet, remaining, 1);
  at = writeText(packet, topic, at);
  if (qos > 0) at = packet.writeUInt16BE(packetId, at);
  at = writeInteger(packet, properties, at);
  at = writeProperties(packet, publication, at);
  if (!isCopied) return [packet, payload];
  packet.set(payload, at);
  return [packet];
}

/** A PUBREL, the second half of an exchange at QoS 2 (MQTT 5.0, 3.6). */
export function pubrelPacket(packetId: number): Buffer {
  return Buffer.of(0x62, 0x02, packetId >> 8, packetId & 0xff);
}

function propertiesLength(publication: Publication): number {
  const { expirySeconds, contentType, correlationData, userProperties } = publication;
  let length = expirySeconds === undefined ? 0 : 5;
  if (contentType !== undefined) length += 1 + textLength(contentType);
  if (correlationData !== undefined) length += 1 + dataLength(correlationData.length);
  for (const [name, value] of pairsOf(userProperties)) length += 1 + textLength(name) + textLength(value);
  return length;
}

const textLength = (text: string): number => dataLength(Buffer.byteLength(text));

/** The size of binary data with its length field. */
function dataLength(bytes: number): number {
  if (bytes > MAX_BYTES) throw tooLarge();
  return 2 + bytes;
}

const tooLarge = (): PublishRefused => new PublishRefused(PACKET_TOO_LARGE);

function writeProperties(packet: Buffer, publication: Publication, start: number): number {
  const { expirySeconds, contentType, correlationData, userProperties } = publication;
  let at = start;
  if (expirySeconds !== undefined) {
    packet[at] = MESSAGE_EXPIRY_INTERVAL;
    at = packet.writeUInt32BE(expirySeconds, at + 1);
  }
  if (contentType !== undefined) {
    packet[at] = CONTENT_TYPE;
    at = writeText(packet, contentType, at + 1);
  }
  if (correlationData !== undefined) {
    packet[at] = CORRELATION_DATA;
    at = packet.writeUInt16BE(correlationData.length, at + 1);
    packet.set(correlationData, at);
    at += correlationData.length;
  }
  for (const [name, value] of pairsOf(userProperties)) {
    packet[at] = USER_PROPERTY;
    at = writeText(packet, value, writeText(packet, name, at + 1));
  }
  return at;
}

/** Each name paired with each of its values. */
function pairsOf(properties: UserProperties | undefined): (readonly [string, string])[] {
  if (properties === undefined) return [];
  return Object.entries(properties).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, value] as const),
  );
}

/** Bytes of a Variable Byte Integer. */
function integerLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

/** @returns the offset after it, like the other writers. */
function writeInteger(packet: Buffer, value: number, start: number): number {
  let at = start;
  let rest = value;
  for (; rest > 0x7f; rest >>= 7) packet[at++] = (rest & 0x7f) | 0x80;
  packet[at++] = rest;
  return at;
}

/** A UTF-8 string after its length (MQTT 5.0, 1.5.4). */
function writeText(packet: Buffer, text: string, at: number): number {
  const length = packet.write(text, at + 2);
  packet.writeUInt16BE(length, at);
  return at + 2 + length;
}
