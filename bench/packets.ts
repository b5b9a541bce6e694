/**
 * The few MQTT 3.1.1 packets that simulated phones make themselves: a full client library would use more of the
 * machine.
 */

/** Kinds of packets, the upper half of the first byte. */
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBCOMP = 7;
export const SUBACK = 9;

/** CONNECT with a clean session and without keepalive. */
export function connectPacket(client: string): Buffer {
  const level = Buffer.from([0, 4, ...Buffer.from('MQTT'), 4, 0x02, 0, 0]);
  return packet(0x10, [level, withLength(client)]);
}

/** The first whole packet: where its body starts and ends. */
export function frame(bytes: Buffer): { start: number; end: number } | undefined {
  let length = 0;
  for (let at = 1; at < Math.min(bytes.length, 5); at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) << (7 * (at - 1));
    if (byte < 0x80)
      return bytes.length < at + 1 + length ? undefined : { start: at + 1, end: at + 1 + length };
  }
  return undefined;
}

/** A packet of the given first byte. */
export function packet(first: number, parts: readonly Buffer[]): Buffer {
  let length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [first];
  do {
    head.push((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    length >>= 7;
  } while (length > 0);
  return Buffer.concat([Buffer.from(head), ...parts]);
}

/** A string as MQTT writes it. */
export function withLength(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint16(bytes.length), bytes]);
}

export function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}
