import { decode, encode, isAtom, Tuple } from '../../../src/etf/index.ts';
import { signIn } from '../../harness/sign-in.ts';
import { contact, profile, roster } from '../../harness/terms.ts';
import { Device } from './device.ts';
import type { System } from './system.ts';

/** The content of a `'Contact'` on `ses/<number>`. */
export interface Notice {
  readonly phoneId: string;
  readonly update: number;
  readonly isDeleted: boolean;
}

/** A notice that must arrive. */
export interface DueNotice {
  readonly what: string;
  readonly since: number;
  readonly isMetBy: (notice: Notice) => boolean;
}

/**
 * A counterparty of several phones: each has it as a contact, and the other way round. It listens, and changes
 * nothing itself. So its entry of a phone depends only on that phone's requests.
 */
export class ContactPhone {
  readonly number: string;
  /** Numbers in its roster that belong to nobody yet. */
  readonly spares: string[];
  readonly #device: Device;
  readonly #due = new Set<DueNotice>();
  notices = 0;
  /** The longest delay of a notice after its request, in milliseconds. */
  maxNoticeMs = 0;

  private constructor(device: Device, number: string, spares: string[]) {
    this.#device = device;
    this.number = number;
    this.spares = spares;
    device.onOther = (payload) => this.#receive(payload);
  }

  /** Connects it, and stores these numbers in its roster. */
  static async connect(system: System, index: number, numbers: readonly string[]): Promise<ContactPhone> {
    const number = `38067${1_000_000 + index}`;
    const options = { version: 5, qos: 1, filter: `ses/${number}`, username: number } as const;
    const device = await Device.connect(system.broker.url, `contact-${index}`, options);
    await signIn(system.database, device.client, number);
    const userlist = numbers.map((other) => contact({ phoneId: `${other}_1`, names: 'a phone' }));
    const set = profile({ phone: number, rosters: [roster({ id: 1, userlist })], status: 'set' });
    const { answer } = await device.ask(encode(set), () => 'last');
    if (answer === undefined) throw new Error('a contact was not answered before any fault');
    return new ContactPhone(device, number, [...numbers]);
  }

  /** Expects this notice from now on. */
  expect(what: string, isMetBy: DueNotice['isMetBy']): DueNotice {
    const due = { what, since: performance.now(), isMetBy };
    this.#due.add(due);
    return due;
  }

  isDue(due: DueNotice): boolean {
    return this.#due.has(due);
  }

  /** Stops waiting for it. */
  forget(due: DueNotice): void {
    this.#due.delete(due);
  }

  get due(): readonly DueNotice[] {
    return [...this.#due];
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  #receive(payload: Buffer): void {
    const notice = readNotice(payload);
    if (notice === undefined) return;
    this.notices++;
    for (const due of this.#due) {
      if (!due.isMetBy(notice)) continue;
      this.#due.delete(due);
      this.maxNoticeMs = Math.max(this.maxNoticeMs, performance.now() - due.since);
    }
  }
}

function readNotice(payload: Buffer): Notice | undefined {
  const term = decode(payload);
  if (!(term instanceof Tuple) || !isAtom(term.elements[0], 'Contact')) return undefined;
  const [, phoneId] = term.elements;
  const update = term.elements[11];
  if (!(phoneId instanceof Uint8Array) || typeof update !== 'number') return undefined;
  return {
    phoneId: Buffer.from(phoneId).toString(),
    update,
    isDeleted: isAtom(term.elements[14], 'deleted'),
  };
}
