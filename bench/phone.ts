import { Device } from './load/device.ts';
import { TIME_BYTES, type Workload } from './workloads.ts';

/** A wrong answer; ends the run. */
class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

/** One phone that asks with QoS 1, one request at a time, and checks each answer. */
export class Phone {
  readonly #device: Device;
  #sentAt = 0;
  /** Unix milliseconds, unlike the monotonic `#sentAt`. */
  #sentTime = 0;
  #time: number;

  private constructor(device: Device, time: number) {
    this.#device = device;
    this.#time = time;
  }

  /**
   * @param options - `time`: of the phone's stored profile, Unix milliseconds; `version`: of MQTT, 4 is 3.1.1.
   * @returns a phone that is connected and subscribed to its answers.
   */
  static async connect(
    port: number,
    client: string,
    { time, version }: { readonly time: number; readonly version: 4 | 5 },
  ): Promise<Phone> {
    const broker = { host: '127.0.0.1', port };
    return new Phone(await Device.connect(broker, client, { qos: 1, numbers: [], version }), time);
  }

  /**
   * Sends requests again and again.
   * @param answered - receives each answer and its latency in microseconds; returns whether to send once more.
   * @returns when `answered` has returned false.
   * @throws WrongAnswer, or Error when the connection breaks.
   */
  ask(workload: Workload, answered: (micros: number) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#device.onBroken = reject;
      const receive = (payload: Buffer): boolean => {
        const micros = (performance.now() - this.#sentAt) * 1000;
        try {
          this.#check(payload, workload);
        } catch (error) {
          reject(error as Error);
          return true;
        }
        if (answered(micros)) this.#send(workload, receive);
        else resolve();
        return true;
      };
      this.#send(workload, receive);
    });
  }

  #send({ request, requestTimeAt }: Workload, receive: (payload: Buffer) => boolean): void {
    this.#sentTime = Date.now();
    let bytes = request;
    if (requestTimeAt !== undefined) {
      bytes = Buffer.from(request);
      bytes.writeUIntLE(this.#sentTime, requestTimeAt, TIME_BYTES);
    }
    this.#sentAt = performance.now();
    this.#device.ask(bytes, receive);
  }

  #check(payload: Buffer, { answer, answerTimeAt, time }: Workload): void {
    if (answerTimeAt === undefined) {
      if (!payload.equals(answer)) throw wrong(this.#device.client, payload, answer);
      return;
    }
    const timeEnd = answerTimeAt + TIME_BYTES;
    const isSame =
      payload.length === answer.length &&
      payload.compare(answer, 0, answerTimeAt, 0, answerTimeAt) === 0 &&
      payload.compare(answer, timeEnd, answer.length, timeEnd, answer.length) === 0;
    if (!isSame) throw wrong(this.#device.client, payload, answer);
    const answered = payload.readUIntLE(answerTimeAt, TIME_BYTES);
    const [min, max] = {
      stored: [this.#time, this.#time],
      sent: [this.#sentTime, this.#sentTime],
      server: [this.#sentTime, Date.now()],
    }[time] as [number, number];
    if (answered < min || answered > max) {
      throw new WrongAnswer(`${this.#device.client}: the time is ${answered}, not ${min} to ${max}`);
    }
    this.#time = answered;
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
