import { reasonText } from './causes.ts';

// MQTT 5.0, 2.4
export const MALFORMED_PACKET = 0x81;
export const IMPLEMENTATION_SPECIFIC_ERROR = 0x83;
export const NOT_AUTHORIZED = 0x87;
export const TOPIC_NAME_INVALID = 0x90;
export const PACKET_TOO_LARGE = 0x95;
export const RETAIN_NOT_SUPPORTED = 0x9a;

/** The broker refused a publish, or would refuse it. A retry does not help. */
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

  /** Whether the size or the content was the reason, so that the broker may accept another answer to the client. */
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

/** This side closed the connection before the broker confirmed the publish. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';

  constructor() {
    super('the connection to the broker is closed');
  }
}

/**
 * A publication with `resend: false` met a new connection, so the caller must decide again whether to publish it. The broker
 * may or may not have received it.
 */
export class Reconnected extends Error {
  override readonly name = 'Reconnected';
  /** For `Publication.again`, if it may be the reason why the connection ended. */
  readonly subject: object | undefined;

  constructor(subject?: object) {
    super('the broker connection is a new one');
    this.subject = subject;
  }
}
