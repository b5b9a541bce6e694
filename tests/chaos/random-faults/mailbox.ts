import { setTimeout as sleep } from 'node:timers/promises';
import type { CaughtMail, SmtpSink } from '../../../dev/servers/smtp.ts';

/** One received mail. */
export interface Mailed {
  readonly code: string;
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
}

/** Sorts the mails that a sink catches by their addresses; the sink itself drops old ones. */
export class Mailbox {
  readonly #sink: SmtpSink;
  readonly #mails = new Map<string, Mailed[]>();
  readonly #timer: NodeJS.Timeout;
  #last: CaughtMail | undefined;
  count = 0;

  constructor(sink: SmtpSink) {
    this.#sink = sink;
    this.#timer = setInterval(() => this.#sort(), 200);
  }

  /** The mails to an address, oldest first. */
  to(address: string): readonly Mailed[] {
    this.#sort();
    return this.#mails.get(address) ?? [];
  }

  /** Waits for the first mail to an address. */
  async first(address: string, timeoutMs: number): Promise<Mailed | undefined> {
    const end = performance.now() + timeoutMs;
    while (this.to(address).length === 0 && performance.now() < end) await sleep(50);
    return this.to(address)[0];
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sort(): void {
    const all = this.#sink.mails();
    const fresh: CaughtMail[] = [];
    for (let index = all.length - 1; index >= 0 && all[index] !== this.#last; index--) {
      const mail = all[index];
      if (mail) fresh.unshift(mail);
    }
    this.#last = all.at(-1);
    for (const { to, text, receivedAt } of fresh) {
      this.count++;
      const code = /^\d{6}$/m.exec(text)?.[0] ?? '';
      const at = Date.parse(receivedAt) - performance.timeOrigin;
      this.#mails.set(to[0] ?? '', [...(this.#mails.get(to[0] ?? '') ?? []), { code, at }]);
    }
  }
}
