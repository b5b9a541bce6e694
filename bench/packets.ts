/**
 * The few packets of MQTT 3.1.1, and of MQTT 5 without properties, that simulated phones make themselves: a full client library would use more of the
 * machine.
 */

/** Kinds of packets, the upper half of the first byte. */
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBCOMP = 7;
export const SUBACK = 9;

/** What a CONNECT may say besides the client id. */
export interface ConnectOptions {
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  /** Published at QoS 1 when the connection breaks. */
  readonly will?: { readonly topic: string; readonly payload: Buffer; readonly retain: boolean } | undefined;
  /** Default true. */
  readonly clean?: boolean;
  /** Of MQTT; default 4, which is 3.1.1. */
  readonly version?: 4 | 5 | undefined;
}

/** CONNECT without keepalive. */
export function connectPacket(client: string, options: ConnectOptions = {}): Buffer {
  const { login, will, clean = true, version = 4 } = options;
  const properties = noProperties(version);
  const flags = (login ? 0xc0 : 0) | (will ? 0x0c : 0) | (will?.retain ? 0x20 : 0) | (clean ? 0x02 : 0);
  const head = Buffer.from([0, 4, ...Buffer.from('MQTT'), version, flags, 0, 0]);
  const willParts = will
    ? [...properties, withLength(will.topic), uint16(will.payload.length), will.payload]
    : [];
  const loginParts = login ? [withLength(login.username), withLength(login.password)] : [];
  return packet(0x10, [head, ...properties, withLength(client), ...willParts, ...loginParts]);
}

/** What stands for the properties of a packet. */
export function noProperties(version: 4 | 5): Buffer[] {
  return version === 5 ? [Buffer.of(0)] : [];
}

/** PUBLISH. The packet id is 1 unless the QoS is 0: a broker does not look at that of QoS 1. */
export function publishPacket(
  topic: string,
  payload: Buffer,
  { qos = 1, retain = false }: { readonly qos?: 0 | 1; readonly retain?: boolean } = {},
): Buffer {
  const id = qos === 0 ? [] : [uint16(1)];
  return packet(0x30 | (qos << 1) | (retain ? 1 : 0), [withLength(topic), ...id, payload]);
}

/** The end of a packet's properties, whose length stands at `at`. */
export function propertiesEnd(bytes: Buffer, at: number): number {
  let length = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[at++] ?? 0;
    length += (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return at + length;
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
