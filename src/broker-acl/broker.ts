import type { AclWork } from '../store/acl-work.ts';
import type { Sessions } from '../store/sessions.ts';
import { type BrokerClients, isOnly, type NewSession } from './client.ts';
import { type Hold, holding, holdingAfterWait } from './locks.ts';

export interface BrokerAclParts {
  readonly clients: BrokerClients;
  readonly work: AclWork;
  readonly sessions: Pick<Sessions, 'phoneOf' | 'active'>;
}

/**
 * One broker's list of clients, kept equal to the sessions in Redis. What is done follows from the two as they are at that
 * moment, so it can be done again from any state.
 */
export class BrokerAcl {
  readonly clients: BrokerClients;
  readonly work: AclWork;
  readonly sessions: BrokerAclParts['sessions'];

  constructor({ clients, work, sessions }: BrokerAclParts) {
    this.clients = clients;
    this.work = work;
    this.sessions = sessions;
  }

  /**
   * Let the client of a session in, and look whether the broker does. Waits while others change the phone or the client.
   * The session is in Redis before, or what is done next for the phone takes the client out.
   * @throws Error with the broker's word.
   */
  async letIn(session: NewSession): Promise<void> {
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
   * Make the broker equal for a phone: its clients without a session go, those whose session is another phone's get that
   * one's notices, those that are missing from its group come back; group and role go when nobody uses them.
   * @returns `'taken'` while another one does it; `'partly'` when a client or phone that it touches is taken.
   */
  sync(phone: string): Promise<'done' | 'partly' | 'taken'> {
    return holding(this.work, [lockOf(phone)], (hold) => this.#sync(phone, hold));
  }

  /** The same, waiting for whoever is at it; then the phone is off the list of what is left to do. */
  async syncNow(phone: string): Promise<void> {
    const task = await this.work.find(phone);
    await holdingAfterWait(this.work, [lockOf(phone)], async (hold) => {
      if ((await this.#sync(phone, hold)) === 'partly') return 'taken';
      if (task !== undefined) await this.work.done(task);
      return 'done';
    });
  }

  /** Give a client another token. @throws Error when the broker has no such session. */
  async rotate(client: string, token: string): Promise<void> {
    const found = await this.clients.find(client);
    if (found === undefined) throw new Error('the broker has no such client');
    if (!found.isSession) throw noSession();
    await this.clients.rotate(client, token);
  }

  /** Take out a client that has no session, wherever the broker has it. @throws Error when it is no session's. */
  async end(client: string): Promise<void> {
    const found = await this.clients.find(client);
    if (found === undefined) return;
    if (!found.isSession) throw noSession();
    for (const phone of found.phones) await this.syncNow(phone);
    if (found.phones.length === 0)
      await holdingAfterWait(this.work, [['client', client]], (hold) => this.#place(client, hold));
  }

  /**
   * Let one client be where its session is: out without one, else in the group of its phone.
   * @param held - the phone whose lock is held.
   * @returns `'taken'` when another one changes the client, or the phone.
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
    // A group that it leaves is looked at by whoever holds it, or by the sweep.
    return phone === held ? move(hold) : holding(this.work, [lockOf(phone)], move);
  }

  async #sync(phone: string, hold: Hold): Promise<'done' | 'partly'> {
    const members = await this.clients.of(phone);
    const phones = await Promise.all(members.map((client) => this.sessions.phoneOf(client)));
    const isMember = new Set(members);
    const active = await this.sessions.active(phone);
    const wrong = [
      ...members.filter((_, index) => phones[index] !== phone),
      // Only those that the broker has: nobody else knows the token that the others need.
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
