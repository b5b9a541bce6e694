/** Counts a worker's commands to Redis and packets to the broker during a request, and strikes at one of them. */
import type { Server } from '../../../dev/servers/process.ts';
import { mqttType, PUBACK, PUBLISH, packetId, respEnd } from '../../harness/framing.ts';
import { type Inspect, Relay } from '../../harness/relay.ts';

/** Whether the server still receives the packet, so that only the worker's reply is lost. */
export type Position = 'before' | 'after';

/** Where to strike: at the `at`-th command or packet since the request arrived. */
export interface Strike {
  readonly at: number;
  readonly position: Position;
  /** What counts: only commands to Redis, or packets to the broker too. */
  readonly side: 'redis' | 'both';
}

/** One request on its way through the worker. */
export class Watch {
  /** What the worker has sent: commands to Redis and packets to the broker. */
  readonly events: string[] = [];
  /** Resolves when the request is struck or acknowledged. */
  readonly over: Promise<'struck' | 'acknowledged'>;
  readonly strike: Strike | undefined;
  /** Also true when the strike comes after the acknowledgement. */
  isStruck = false;
  isAcknowledged = false;
  #end: (how: 'struck' | 'acknowledged') => void = () => undefined;

  constructor(strike: Strike | undefined) {
    this.strike = strike;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Records a command or packet of the worker; returns whether to strike at it. */
  records(what: string): boolean {
    this.events.push(what);
    return this.events.length === this.strike?.at;
  }

  struck(): void {
    this.isStruck = true;
    this.#end('struck');
  }

  acknowledged(): void {
    this.isAcknowledged = true;
    this.#end('acknowledged');
  }
}

/** The request that is being watched, if any. */
export interface Watching {
  watch: Watch | undefined;
}

/** A relay before Redis. */
export function relayRedis(server: Server, watching: Watching): Promise<Relay> {
  return Relay.start(server, { packetEnd: respEnd, inspector: () => inspectRedis(watching) });
}

function inspectRedis(watching: Watching): Inspect {
  let asked = 0;
  let answered = 0;
  /** Which reply triggers the strike; a strike before a command waits for the replies to the earlier ones. */
  let lastReply = Number.POSITIVE_INFINITY;
  return (packet, direction) => {
    const { watch } = watching;
    const isBefore = watch?.strike?.position === 'before';
    if (direction === 'down') {
      if (packet[0] === pushByte || ++answered < lastReply) return true;
      watch?.struck();
      return isBefore;
    }
    const command = commandText(packet);
    if (isOfTime(command) || !watch?.records(command)) {
      asked++;
      return true;
    }
    lastReply = isBefore ? asked : ++asked;
    if (answered === lastReply) watch.struck();
    return !isBefore;
  };
}

/** A relay before the broker. */
export function relayBroker(server: Server, watching: Watching): Promise<Relay> {
  return Relay.start(server, { inspector: () => inspectBroker(watching) });
}

function inspectBroker(watching: Watching): Inspect {
  let struckId: number | undefined;
  return (packet, direction) => {
    const { watch } = watching;
    const type = mqttType(packet);
    if (direction === 'down') {
      if (type !== PUBACK || packetId(packet) !== struckId) return true;
      watch?.struck();
      return false;
    }
    if (type !== PUBLISH && type !== PUBACK) return true;
    const counts = watch?.strike?.side !== 'redis';
    const isStruck =
      counts && watch?.records(type === PUBACK ? acknowledgement : `PUBLISH ${topicOf(packet)}`);
    if (!isStruck) {
      if (type === PUBACK) watch?.acknowledged();
      return true;
    }
    const isBefore = watch?.strike?.position === 'before';
    // A PUBACK gets no reply: it is the last packet of a request.
    if (watch && type === PUBACK && !isBefore) watch.isAcknowledged = true;
    if (isBefore || type === PUBACK) watch?.struck();
    else struckId = packetId(packet);
    return !isBefore;
  };
}

/** The name of the request's acknowledgement in a watch. */
export const acknowledgement = 'PUBACK';

const pushByte = '>'.charCodeAt(0);

/** The first words of a command, for people; for a script that is sent whole, its name. */
function commandText(packet: Buffer): string {
  const [, ...words] = packet.toString('latin1').split(/\r\n(?:\$\d+\r\n)?/);
  return words
    .slice(0, 8)
    .join(' ')
    .replace(/^eval --\[\[\n {2}([a-z-]+):.*\]\]\n.*?(?= \d+ )/s, 'eval $1');
}

/** Commands that a timer sends, not a request. */
function isOfTime(command: string): boolean {
  return / workers |^(zrange|zcard) fan-outs|^set client-id:|^(time|zrangebyscore|hello|info|client|select) ?/i.test(
    `${command} `,
  );
}

function topicOf(packet: Buffer): string {
  let at = 1;
  while ((packet[at] ?? 0) > 127) at++;
  at++;
  return packet.toString('latin1', at + 2, at + 2 + packet.readUInt16BE(at));
}
