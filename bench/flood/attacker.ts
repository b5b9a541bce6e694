import { setTimeout as delay } from 'node:timers/promises';
import { type BrokerAddress, Device, type DeviceOptions } from '../load/device.ts';
import { publishPacket } from '../packets.ts';
import { isProfile, type Session, topicOf } from './session.ts';

/** What all attackers together have done. */
export interface Totals {
  /** Packets, or connections where these are the attack. */
  sent: number;
  /** Connections that the broker closed. */
  closed: number;
}

/** How often a packet is sent. */
export interface Pace {
  readonly perSecond: number;
  /** So many at once at the start; default 0. */
  readonly burst?: number;
}

/** More waits in this process only if the broker reads no faster; the rest is sent when it does. */
const maxWaiting = 8 * 2 ** 20;

const refillMs = 500;
const maxRefills = 60;

/** One attacker: a signed-in phone whose connection comes back when the broker closes it. */
export class Attacker {
  readonly session: Session;
  readonly #address: BrokerAddress;
  readonly #totals: Totals;
  #device: Device | undefined;
  #stopped = false;

  constructor(address: BrokerAddress, session: Session, totals: Totals) {
    this.#address = address;
    this.session = session;
    this.#totals = totals;
  }

  async connect(more: Partial<DeviceOptions> = {}): Promise<Device> {
    const { client, phone, token } = this.session;
    const login = { username: phone, password: token };
    const options = { qos: 1 as const, numbers: [], login, topic: topicOf(this.session), ...more };
    const device = await Device.connect(this.#address, client, options);
    device.onBroken = () => {
      this.#totals.closed++;
      void this.#reconnect(more);
    };
    this.#device = device;
    return device;
  }

  /** Asks as an honest client does, and again later if that is too often. @returns whether it got a profile. */
  async store(request: Buffer): Promise<boolean> {
    for (let refills = 0; refills < maxRefills; refills++) {
      const answer = await (this.#device ?? (await this.connect())).answer(request);
      if (isProfile(answer)) return true;
      if (!answer.includes('too_many_requests')) return false;
      await delay(refillMs);
    }
    return false;
  }

  /** A request in its own name. */
  request(payload: Buffer, qos: 0 | 1 = 1): Buffer {
    return publishPacket(topicOf(this.session), payload, { qos });
  }

  /** Reads nothing more of what the broker sends. */
  pause(): void {
    this.#device?.pause();
  }

  /** Breaks its connection off, whose will is then published, and connects again. */
  async connectAgain(more: Partial<DeviceOptions>): Promise<void> {
    const before = this.#device;
    this.#device = undefined;
    before?.disconnect();
    await this.connect(more).catch(() => this.#totals.closed++);
    this.#totals.sent++;
  }

  send(packet: Buffer): void {
    if (this.#device?.write(packet) === true) this.#totals.sent++;
  }

  /** Sends these packets in turn until the attack stops. */
  pace(packets: readonly Buffer[], { perSecond, burst = 0 }: Pace): void {
    this.each({ perSecond, burst }, (n) => this.send(packets[n % packets.length] ?? Buffer.alloc(0)));
  }

  /** Does something at this pace until the attack stops. */
  each({ perSecond, burst = 0 }: Pace, act: (n: number) => void): void {
    let count = 0;
    const began = performance.now();
    const timer = setInterval(() => {
      if (this.#stopped) return clearInterval(timer);
      const due = burst + ((performance.now() - began) / 1_000) * perSecond;
      while (count < due && this.#isReady) act(count++);
    }, 5);
  }

  get #isReady(): boolean {
    return this.#device === undefined || this.#device.waiting < maxWaiting;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #reconnect(more: Partial<DeviceOptions>): Promise<void> {
    while (!this.#stopped) {
      await delay(100);
      if (await this.connect(more).catch(() => undefined)) return;
    }
  }
}
