import { reasonText } from './causes.ts';

// MQTT 5.0, 2.4
export const MALFORMED_PACKET = 0x81;
export const IMPLEMENTATION_SPECIFIC_ERROR = 0x83;
export const TOPIC_NAME_INVALID = 0x90;
export const PACKET_TOO_LARGE = 0x95;
export const RETAIN_NOT_SUPPORTED = 0x9a;

/** A publish was refused, by the broker or before it was sent. Sending the same again does not help. */
export class PublishRefused extends Error {
  override readonly name = 'PublishRefused';
  /** MQTT 5 reason code, 0x80 or above. */
  readonly reasonCode: number;

  constructor(reasonCode: number, reason = reasonText(reasonCode)) {
    super(`publish refused: ${reason}`);
    this.reasonCode = reasonCode;
  }

  get isOfSize(): boolean {
    return this.reasonCode === PACKET_TOO_LARGE;
  }

  /** Whether another publish to the same client may be accepted: what was wrong is this one's size or content. */
  get isOfContent(): boolean {
    return contentReasons.has(this.reasonCode);
  }
}

const contentReasons: ReadonlySet<number> = new Set([
  MALFORMED_PACKET,
  IMPLEMENTATION_SPECIFIC_ERROR,
  TOPIC_NAME_INVALID,
  PACKET_TOO_LARGE,
]);

/** The connection was closed by this side before the broker had confirmed the publish. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';

  constructor() {
    super('the connection to the broker is closed');
  }
}

/**
 * There is a new connection, and the publication must not be sent on it: whether it is still to be said must be decided
 * anew. The broker may have had it before, or not.
 */
export class Reconnected extends Error {
  override readonly name = 'Reconnected';
  /** For `Publication.again`, if the broker may have ended the connection at it. */
  readonly subject: object | undefined;

  constructor(subject?: object) {
    super('the connection to the broker was made anew');
    this.subject = subject;
  }
}
