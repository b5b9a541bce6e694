/** Finds where one packet ends and the next begins, in the streams of Redis and MQTT. */

/** The offset behind the packet that begins at `at`; `undefined` while it is incomplete. */
export type PacketEnd = (bytes: Buffer, at: number) => number | undefined;

/** Whatever is here. */
export const chunkEnd: PacketEnd = (bytes, at) => (at < bytes.length ? bytes.length : undefined);

/** RESP2 and RESP3, commands and replies alike; https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export const respEnd: PacketEnd = (bytes, at) => {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd === -1) return undefined;
  const type = String.fromCharCode(bytes[at] ?? 0);
  const count = Number(bytes.toString('latin1', at + 1, lineEnd));
  const behind = lineEnd + 2;
  if ('$=!'.includes(type)) {
    const end = count < 0 ? behind : behind + count + 2;
    return end <= bytes.length ? end : undefined;
  }
  if (!'*~>%|'.includes(type) || count < 0) return behind;
  const elements = type === '%' || type === '|' ? 2 * count : count;
  let end: number | undefined = behind;
  // An attribute stands before its reply.
  for (let left = elements + (type === '|' ? 1 : 0); left > 0 && end !== undefined; left--)
    end = respEnd(bytes, end);
  return end;
};

/** MQTT 3.1.1 and 5: a byte of type and flags, then the remaining length in up to four bytes of seven bits. */
export const mqttEnd: PacketEnd = (bytes, at) => {
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[at + 1 + index];
    if (byte === undefined) return undefined;
    length += (byte & 127) << (7 * index);
    if (byte < 128) {
      const end = at + 2 + index + length;
      return end <= bytes.length ? end : undefined;
    }
  }
  throw new Error('no MQTT packet');
};

export const PUBLISH = 3;
export const PUBACK = 4;

export const mqttType = (packet: Buffer): number => (packet[0] ?? 0) >> 4;

/** The packet identifier of a PUBLISH of QoS 1 or 2, or of a PUBACK. */
export function packetId(packet: Buffer): number {
  let at = 1;
  while ((packet[at] ?? 0) > 127) at++;
  at++;
  return packet.readUInt16BE(mqttType(packet) === PUBLISH ? at + 2 + packet.readUInt16BE(at) : at);
}
