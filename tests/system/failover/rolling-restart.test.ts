/** Replaces four workers one after the other, as a Deployment does it, while phones send requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atom } from '../../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import { profile } from '../../harness/terms.ts';

/** Sends requests without a pause, and records the time of each answer. */
class Load {
  readonly #phones: readonly Phone[];
  readonly #sentAt = new Map<string, number>();
  readonly #echoSentAt: number[] = [];
  readonly waits: number[] = [];
  /** The time of a message from a phone to the broker and back: the machine's own delays. */
  maxEchoMs = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(phones: readonly Phone[]) {
    this.#phones = phones;
    for (const phone of phones) {
      phone.mqtt.on('message', (topic, _payload, { properties }) => {
        const now = performance.now();
        if (topic.startsWith('fence/')) {
          this.maxEchoMs = Math.max(this.maxEchoMs, now - (this.#echoSentAt.shift() ?? now));
        }
        const id = `${properties?.correlationData}`;
        const sentAt = this.#sentAt.get(id);
        if (sentAt === undefined) return;
        this.#sentAt.delete(id);
        this.waits.push(now - sentAt);
      });
    }
    this.#running = this.#run();
  }

  get unanswered(): number {
    return this.#sentAt.size;
  }

  /** @returns the longest wait of the requests that were answered since the last call. */
  takeLongest(): number {
    return this.waits.splice(0).reduce((longest, wait) => Math.max(longest, wait), 0);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await eventually('all are answered', () => this.unanswered === 0);
  }

  async #run(): Promise<void> {
    const [echo] = this.#phones;
    for (let count = 0; !this.#isOver; count++) {
      for (const phone of this.#phones) {
        const id = `${phone.client} ${count}`;
        const presence = count % 5 === 0 ? { presence: atom(`p${count}`) } : {};
        const status = count % 5 === 0 ? 'set' : 'get';
        this.#sentAt.set(id, performance.now());
        const properties = { correlationData: Buffer.from(id) };
        void phone.send(profile({ phone: phone.number, ...presence, status }), { qos: 1, properties });
      }
      this.#echoSentAt.push(performance.now());
      void echo?.mqtt.publishAsync(`fence/${echo.client}`, '', { qos: 1 });
      await sleep(40);
    }
  }
}

test('all four workers are replaced under load: every request is answered, none by a takeover or a redelivery', async (t) => {
  const harness = await startHarness({ workers: 4 });
  t.after(() => harness.stop());
  const phones: Phone[] = [];
  while (phones.length < 6) phones.push(await harness.phone());
  for (const phone of phones) await phone.ask(profile({ phone: phone.number, status: 'set' }));
  const load = new Load(phones);
  await eventually('it is under load', () => load.waits.length > 300);
  const usual = load.takeLongest();
  for (const old of [...harness.workers]) {
    await harness.startWorker();
    await old.process.kill('SIGTERM');
  }
  await load.stop();
  const count = load.waits.length;
  const longest = load.takeLongest();
  const summary = `longest of ${count}: ${Math.round(longest)} ms; before: ${Math.round(usual)} ms; the machine: ${Math.round(load.maxEchoMs)} ms`;
  t.diagnostic(summary);
  for (const worker of harness.workers.slice(4)) {
    assert.equal(await worker.metric('profile_adopted_sessions_total'), 0);
    assert.equal(await worker.metric('profile_redeliveries_total'), 0);
  }
});
