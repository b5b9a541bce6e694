import type { IClientOptions } from 'mqtt';

type PacketIdProvider = NonNullable<IClientOptions['messageIdProvider']>;

/** Packet Identifiers go from 1 to this (MQTT 5.0, 2.2.1). */
export const LAST_PACKET_ID = 65_535;

/** `Outbound` uses the ids from 1 to this. */
export const LAST_PUBLICATION_ID = 60_000;
const FIRST = LAST_PUBLICATION_ID + 1;

/** The ids that MQTT.js uses for its own packets: subscribe and unsubscribe. */
export class PacketIds implements PacketIdProvider {
  #last = LAST_PACKET_ID;

  allocate(): number {
    this.#last = this.#last === LAST_PACKET_ID ? FIRST : this.#last + 1;
    return this.#last;
  }

  getLastAllocated(): number {
    return this.#last;
  }

  register(): boolean {
    return true;
  }

  deallocate(): void {
    // an id is reused only after thousands of others
  }

  clear(): void {
    // nothing waits for packets of the last connection
  }
}
