import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  CONNACK,
  connectPacket,
  frame,
  PUBACK,
  PUBLISH,
  packet,
  SUBACK,
  uint16,
  withLength,
} from './packets.ts';
import { TIME_BYTES, type Workload } from './workloads.ts';

/** A wrong answer; ends the run. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

/** The topic where phones in the field publish; the broker inserts the client id. */
const topicBytes = withLength('events/1//api/anon//');

/**
 * One phone: MQTT 3.1.1 with QoS 1 both ways, one request at a time. It makes its packets itself: 256 phones of a
 * full client library would use more of the machine than the measured program.
 */
export class Phone {
  readonly #socket: Socket;
  readonly #client: string;
  #rest: Buffer = Buffer.alloc(0);
  #packetId = 0;
  #workload: Workload | undefined;
  #sentAt = 0;
  /** Unix milliseconds, unlike the monotonic `#sentAt`. */
  #sentTime = 0;
  #time: number;
  #answered: (micros: number) => boolean = () => false;
  #failed: (error: Error) => void = () => undefined;

  /** @param time - the time of the phone's stored profile, Unix milliseconds. */
  private constructor(socket: Socket, client: string, time: number) {
    this.#socket = socket;
    this.#client = client;
    this.#time = time;
  }

  /** @returns a phone that is connected and subscribed to its answers. */
  static async connect(port: number, client: string, time: number): Promise<Phone> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const phone = new Phone(socket, client, time);
    const subscribed = new Promise<void>((resolve, reject) => {
      socket.on('data', (chunk) => phone.#read(chunk, resolve));
      socket.on('error', (error) => phone.#failed(error));
      socket.on('close', () => phone.#failed(new Error('the broker closed the connection of a phone')));
      phone.#failed = reject;
    });
    socket.write(connectPacket(client));
    await subscribed;
    return phone;
  }

  /**
   * Sends requests again and again.
   * @param answered - receives each answer and its latency in microseconds; returns whether to send once more.
   * @returns when `answered` has returned false.
   * @throws WrongAnswer, or Error when the connection breaks.
   */
  ask(workload: Workload, answered: (micros: number) => boolean): Promise<void> {
    this.#workload = workload;
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      this.#answered = (micros) => {
        const again = answered(micros);
        if (!again) resolve();
        return again;
      };
      this.#socket.write(this.#nextRequest(workload));
    });
  }

  disconnect(): void {
    this.#failed = () => undefined;
    this.#socket.destroy();
  }

  #nextRequest(workload: Workload): Buffer {
    const { request, requestTimeAt } = workload;
    this.#packetId = (this.#packetId % 65_535) + 1;
    this.#sentTime = Date.now();
    const bytes = packet(0x32, [topicBytes, uint16(this.#packetId), request]);
    if (requestTimeAt !== undefined) {
      bytes.writeUIntLE(this.#sentTime, bytes.length - request.length + requestTimeAt, TIME_BYTES);
    }
    this.#sentAt = performance.now();
    return bytes;
  }

  #read(chunk: Buffer, subscribed: () => void): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let cut = frame(bytes); cut !== undefined; cut = frame(bytes)) {
      const body = bytes.subarray(cut.start, cut.end);
      const kind = (bytes[0] ?? 0) >> 4;
      if (kind === PUBLISH) this.#receive(body);
      else if (kind === CONNACK) this.#socket.write(this.#subscription());
      else if (kind === SUBACK) subscribed();
      else if (kind !== PUBACK) this.#failed(new Error(`the broker sent a packet of kind ${kind}`));
      bytes = bytes.subarray(cut.end);
    }
    this.#rest = bytes;
  }

  #receive(body: Buffer): void {
    const topicEnd = 2 + body.readUInt16BE(0);
    const workload = this.#workload;
    if (workload === undefined) return;
    const micros = (performance.now() - this.#sentAt) * 1000;
    try {
      this.#check(body.subarray(topicEnd + 2), workload);
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    const puback = Buffer.from([0x40, 2, body[topicEnd] ?? 0, body[topicEnd + 1] ?? 0]);
    const again = this.#answered(micros);
    this.#socket.write(again ? Buffer.concat([puback, this.#nextRequest(workload)]) : puback);
  }

  #check(payload: Buffer, { answer, answerTimeAt, time }: Workload): void {
    if (answerTimeAt === undefined) {
      if (!payload.equals(answer)) throw wrong(this.#client, payload, answer);
      return;
    }
    const timeEnd = answerTimeAt + TIME_BYTES;
    const isSame =
      payload.length === answer.length &&
      payload.compare(answer, 0, answerTimeAt, 0, answerTimeAt) === 0 &&
      payload.compare(answer, timeEnd, answer.length, timeEnd, answer.length) === 0;
    if (!isSame) throw wrong(this.#client, payload, answer);
    const answered = payload.readUIntLE(answerTimeAt, TIME_BYTES);
    const [min, max] = {
      stored: [this.#time, this.#time],
      sent: [this.#sentTime, this.#sentTime],
      server: [this.#sentTime, Date.now()],
    }[time] as [number, number];
    if (answered < min || answered > max) {
      throw new WrongAnswer(`${this.#client}: the time is ${answered}, not ${min} to ${max}`);
    }
    this.#time = answered;
  }

  #subscription(): Buffer {
    return packet(0x82, [uint16(1), withLength(`actions/1/api/${this.#client}`), Buffer.of(1)]);
  }
}

function wrong(client: string, payload: Buffer, answer: Buffer): WrongAnswer {
  const at = payload.findIndex((byte, index) => byte !== answer[index]);
  const place = at < 0 ? Math.min(payload.length, answer.length) : at;
  return new WrongAnswer(
    `${client}: the answer has ${payload.length} bytes where ${answer.length} are right, and differs at byte ${place}: ` +
      JSON.stringify(payload.toString('latin1', Math.max(0, place - 20), place + 20)),
  );
}
