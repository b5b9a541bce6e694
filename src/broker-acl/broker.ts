import type { AclWork } from '../store/acl-work.ts';
import type { Sessions } from '../store/sessions.ts';
import { type BrokerClients, isOnly, type NewSession } from './client.ts';
import { type Hold, holding, holdingAfterWait } from './locks.ts';

export interface BrokerAclDeps {
  readonly clients: BrokerClients;
  readonly work: AclWork;
  readonly sessions: Pick<Sessions, 'phoneOf' | 'active'>;
}

/**
 * Keeps one broker's list of clients equal to the sessions in Redis. Each step compares the two as they are now, so it can
 * run again from any state.
 */
export class BrokerAcl {
  readonly clients: BrokerClients;
  readonly work: AclWork;
  readonly sessions: BrokerAclDeps['sessions'];

  constructor({ clients, work, sessions }: BrokerAclDeps) {
    this.clients = clients;
    this.work = work;
    this.sessions = sessions;
  }

  /**
   * Add the client of a session, and check that the broker has it. Waits while others change the phone or the client.
   * The session must be in Redis before, or the next sync of the phone removes the client.
   * @throws Error with the error text of the broker.
   */
  async add(session: NewSession): Promise<void> {
    const { client, phone } = session;
    await holdingAfterWait(this.work, [lockOf(phone), ['client', client]], async (hold) => {
      const known = await this.clients.find(client);
      if (known !== undefined && !known.isSession) throw noSession();
      await hold.keep();
      await this.clients.put(session, known, hold.isAllowed);
      if (!(await this.clients.isWhole(client, phone)))
        throw new Error('the broker has not kept the roles of the client');
    });
  }

  /**
   * Make the broker equal to Redis for a phone:
   * - clients without a session are removed, and clients of another phone move to that phone's group;
   * - missing clients return to its group;
   * - an empty group is deleted with its role.
   * @returns `'taken'` while another process does it; `'partly'` when the lock of a client or of another phone is taken.
   */
  sync(phone: string): Promise<'done' | 'partly' | 'taken'> {
    return holding(this.work, [lockOf(phone)], (hold) => this.#sync(phone, hold));
  }

  /** `sync`, after a wait for its lock; it also removes the phone from the list of work. */
  async syncNow(phone: string): Promise<void> {
    const task = await this.work.find(phone);
    await holdingAfterWait(this.work, [lockOf(phone)], async (hold) => {
      if ((await this.#sync(phone, hold)) === 'partly') return 'taken';
      if (task !== undefined) await this.work.done(task);
      return 'done';
    });
  }

  /** Replace a client's token. @throws Error when the broker has no such session. */
  async rotate(client: string, token: string): Promise<void> {
    const found = await this.clients.find(client);
    if (found === undefined) throw new Error('the broker has no such client');
    if (!found.isSession) throw noSession();
    await this.clients.rotate(client, token);
  }

  /** Remove a client without a session from the broker. @throws Error when the client belongs to no session. */
  async end(client: string): Promise<void> {
    const found = await this.clients.find(client);
    if (found === undefined) return;
    if (!found.isSession) throw noSession();
    for (const phone of found.phones) await this.syncNow(phone);
    if (found.phones.length === 0)
      await holdingAfterWait(this.work, [['client', client]], (hold) => this.#place(client, hold));
  }

  /**
   * Move a client to the group of its session's phone, or remove it if it has no session.
   * @param held - the phone whose lock the caller holds.
   * @returns `'taken'` when another process changes the client or the phone.
   */
  place(client: string, held?: string): Promise<'done' | 'taken'> {
    return holding(this.work, [['client', client]], (hold) => this.#place(client, hold, held));
  }

  async #place(client: string, hold: Hold, held?: string): Promise<'done' | 'taken'> {
    const found = await this.clients.find(client);
    if (!found?.isSession) return 'done';
    const phone = await this.sessions.phoneOf(client);
    if (phone !== undefined && isOnly(found, phone)) return 'done';
    await hold.keep();
    if (phone === undefined) {
      await this.clients.remove(client, hold.isAllowed);
      return 'done';
    }
    const move = async (there: Pick<Hold, 'isAllowed'>): Promise<'done'> => {
      await this.clients.move(client, phone, () => hold.isAllowed() && there.isAllowed());
      return 'done';
    };
    // The holder of the old group's lock, or the sweep, deletes that group when it is empty.
    return phone === held ? move(hold) : holding(this.work, [lockOf(phone)], move);
  }

  async #sync(phone: string, hold: Hold): Promise<'done' | 'partly'> {
    const members = await this.clients.of(phone);
    const phones = await Promise.all(members.map((client) => this.sessions.phoneOf(client)));
    const isMember = new Set(members);
    const active = await this.sessions.active(phone);
    const wrong = [
      ...members.filter((_, index) => phones[index] !== phone),
      // `place` changes only clients that the broker has: Redis holds no token for the others.
      ...active.filter((client) => !isMember.has(client)),
    ];
    let isWhole = true;
    for (const client of wrong) {
      await hold.keep();
      if ((await this.place(client, phone)) === 'taken') isWhole = false;
    }
    if (!isWhole) return 'partly';
    if ((await this.clients.of(phone)).length === 0) {
      await hold.keep();
      await this.clients.dropPhone(phone, hold.isAllowed);
    }
    return 'done';
  }
}

const lockOf = (phone: string) => ['phone', phone] as const;

const noSession = (): Error => new Error('the broker has a client of this name that is no session');
