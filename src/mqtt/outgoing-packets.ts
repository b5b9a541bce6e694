import { Readable } from 'node:stream';
import type { IStore, Packet } from 'mqtt';

interface Kept {
  readonly packet: Packet;
  readonly place: number;
}

/** Packet identifiers go from 1 to 65,535. */
const PACKET_IDS = 65_536;

/**
 * What MQTT.js keeps of each publish until the broker has confirmed it. The same as its own store, but without the `Map`,
 * for the reason that `LinkedSet` has.
 */
export class OutgoingPackets implements IStore {
  readonly #kept = new Array<Kept | undefined>(PACKET_IDS).fill(undefined);
  #places = 0;

  put(packet: Packet, done: (error?: Error) => void): this {
    const id = packet.messageId ?? 0;
    // A PUBREL takes the place of its PUBLISH.
    this.#kept[id] = { packet, place: this.#kept[id]?.place ?? this.#places++ };
    done();
    return this;
  }

  /** In the order in which they were put. */
  createStream(): ReturnType<IStore['createStream']> {
    const kept = this.#kept.filter((each) => each !== undefined).sort((a, b) => a.place - b.place);
    const packets = Readable.from(kept.map(({ packet }) => packet));
    return packets as ReturnType<IStore['createStream']>; // Node's own class, where MQTT.js names its copy in npm
  }

  del({ messageId = 0 }: Pick<Packet, 'messageId'>, done: PacketCallback): this {
    return this.get({ messageId }, (error, packet) => {
      this.#kept[messageId] = undefined;
      done(error, packet);
    });
  }

  get({ messageId = 0 }: Pick<Packet, 'messageId'>, done: PacketCallback): this {
    const packet = this.#kept[messageId]?.packet;
    if (packet) done(undefined, packet);
    else done(new Error('missing packet'));
    return this;
  }

  close(done: (error?: Error) => void): void {
    done();
  }
}

type PacketCallback = Parameters<IStore['get']>[1];
