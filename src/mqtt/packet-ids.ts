import type { IClientOptions } from 'mqtt';

type PacketIdProvider = NonNullable<IClientOptions['messageIdProvider']>;

/** Packet Identifiers go from 1 to this (MQTT 5.0, 2.2.1). */
export const LAST_PACKET_ID = 65_535;

/** Those from 1 to this are for `Outbound`. */
export const LAST_PUBLICATION_ID = 60_000;
const FIRST = LAST_PUBLICATION_ID + 1;

/** Those that MQTT.js gives to its own packets, one subscribe or unsubscribe at a time. */
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
    // it comes around again only after thousands of others
  }

  clear(): void {
    // what the last connection had under way is not waited for
  }
}
