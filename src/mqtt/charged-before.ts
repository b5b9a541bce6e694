import type { IPublishPacket } from 'mqtt';
import { LAST_PACKET_ID } from './packet-ids.ts';

/**
 * Whether a worker has charged a delivery's client for it before. Nobody has for `no`. For `yes` it is taken for granted, as
 * for what is few. `perhaps` is what a worker that is gone had in work, or only waiting.
 */
export type Charged = 'no' | 'perhaps' | 'yes';

/** Tells of the deliveries of a session that come again which of them were charged. It changes nothing else for them. */
export class ChargedBefore {
  /** By packet id, 1 for a message that this connection passed over when nobody had charged it. */
  readonly #isUncharged = new Uint8Array(LAST_PACKET_ID + 1);
  readonly #receiveMaximum: number;
  /** So many of those that are not known may have been in work. */
  #mayHaveBegun = 0;
  #isFetching = false;
  #willFetch = false;

  /** @param receiveMaximum - so many a worker has in work at once. */
  constructor(receiveMaximum: number) {
    this.#receiveMaximum = receiveMaximum;
  }

  /** All work is done and acknowledged. The next connection is made only to fetch what was passed over. */
  fetchNext(): void {
    this.#willFetch = true;
  }

  connected(sessionPresent: boolean): void {
    if (!sessionPresent) this.#isUncharged.fill(0);
    this.#isFetching = this.#willFetch;
    this.#willFetch = false;
    this.#mayHaveBegun = this.#receiveMaximum;
  }

  /** A message is not taken, and comes again on a later connection. */
  passedOver(packet: IPublishPacket, redelivered: boolean): void {
    this.#isUncharged[packet.messageId ?? 0] = this.#isNew(packet, redelivered) ? 1 : 0;
  }

  /** A message is taken. */
  of(packet: IPublishPacket, redelivered: boolean): Charged {
    if (!redelivered) return 'no';
    const isNew = this.#isNew(packet, redelivered);
    this.#isUncharged[packet.messageId ?? 0] = 0;
    if (isNew) return 'no';
    return this.#mayHaveBegun-- > 0 ? 'yes' : 'perhaps';
  }

  /** Without DUP, what comes on a connection that fetches was never sent before: the one before it left nothing else. */
  #isNew({ dup, messageId = 0 }: IPublishPacket, redelivered: boolean): boolean {
    return !redelivered || this.#isUncharged[messageId] === 1 || (!dup && this.#isFetching);
  }
}
