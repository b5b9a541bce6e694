/** Sends requests to workers in waves, and checks each wave with the model. */
import assert from 'node:assert/strict';
import type { CaughtMail, SmtpSink } from '../../../dev/servers/smtp.ts';
import type { StsServer } from '../../../dev/servers/sts.ts';
import type { Harness } from '../../harness/harness.ts';
import { Rng } from '../../harness/rng.ts';
import { type Cast, type Choice, drawGroup, type Rows } from './choices.ts';
import { byTopic, Device, Eavesdropper, type Overheard } from './device.ts';
import { copyText, explain, type Group, noticeText } from './linearize.ts';
import { answerName, answerText, type Operation, type Outside, seenUpdates } from './operation.ts';
import { report } from './report.ts';
import { drop, nothing, put, type State } from './state.ts';
import { allKeys, readView, skipTime, withLastProposals } from './stores.ts';
import { payloadOf, readAnswer, readNotice } from './wire.ts';

/** A cast, its state in the model, and the source of its requests. */
interface Play {
  readonly cast: Cast;
  readonly devices: ReadonlyMap<string, Device>;
  readonly rng: Rng;
  state: State;
}

export class Hammer {
  readonly #harness: Harness;
  readonly #smtp: SmtpSink;
  readonly #sts: StsServer;
  readonly #seed: number;
  readonly #rng: Rng;
  readonly #plays: Play[] = [];
  readonly #eavesdropper: Eavesdropper;
  #skipped = 0;
  #lastMail: CaughtMail | undefined;
  #stsSeen = 0;
  #operations = 0;
  waves = 0;
  /** `<kind>: <answer>` → how often. */
  readonly counts = new Map<string, number>();
  /** Points of the search that were visited, in all and in the worst group. */
  readonly explored = { all: 0, worst: 0 };

  private constructor(
    parts: { harness: Harness; smtp: SmtpSink; sts: StsServer; seed: number },
    spy: Eavesdropper,
  ) {
    this.#harness = parts.harness;
    this.#smtp = parts.smtp;
    this.#sts = parts.sts;
    this.#seed = parts.seed;
    this.#rng = new Rng(parts.seed, 'world');
    this.#eavesdropper = spy;
  }

  /** @param casts - how many. */
  static async start(
    parts: { harness: Harness; smtp: SmtpSink; sts: StsServer; seed: number },
    casts: number,
  ): Promise<Hammer> {
    const spy = new Eavesdropper(
      await parts.harness.phone({ client: 'eavesdropper', number: '0', session: false }),
    );
    await spy.listen();
    const hammer = new Hammer(parts, spy);
    for (let number = 0; number < casts; number++) await hammer.#addCast(number);
    return hammer;
  }

  get operations(): number {
    return this.#operations;
  }

  async #addCast(number: number): Promise<void> {
    const cast: Cast = {
      name: `cast ${number}`,
      phones: [0, 1, 2, 3].map((phone) => `380${671_000_000 + number * 10 + phone}`),
      clients: [0, 1, 2, 3, 4, 5, 6].map((client) => `client-${number}-${client}`),
      addresses: ['ann', 'bob', 'eve'].map((name) => `${name}@cast-${number}.example.org`),
    };
    const devices = new Map<string, Device>();
    for (const [index, client] of cast.clients.entries()) {
      const isOld = index % 2 === 1;
      const mqtt = { protocolVersion: isOld ? 4 : 5 } as const;
      const phone = await this.#harness.phone({ client, number: '0', session: false, mqtt });
      devices.set(client, new Device(phone, !isOld));
    }
    this.#plays.push({ cast, devices, rng: new Rng(this.#seed, cast.name), state: nothing });
  }

  /** All casts act at once, each with its group; then the model checks the observations of each. */
  async wave(): Promise<void> {
    this.waves++;
    await this.#passTime();
    for (const play of this.#plays) await this.#signIn(play);
    const mood = this.#outsideMood();
    const asked = await Promise.all(this.#plays.map((play) => this.#act(play)));
    await this.#harness.idle();
    const messages = await this.#eavesdropper.received();
    const outside = {
      ...mood,
      skipped: this.#skipped,
      mailed: this.#newCodes(),
      issued: this.#newKeys(),
      sawMove: false,
    };
    const notices = byTopic(messages.notices);
    const answers = byTopic(messages.answers);
    for (const [index, play] of this.#plays.entries()) {
      // Requests that were answered first were mostly executed first.
      const operations = (asked[index] ?? []).sort((a, b) => a.answeredAt - b.answeredAt);
      const updates = seenUpdates(operations);
      await this.#judge(play, { operations, outside: { ...outside, updates }, notices, answers });
    }
    assert.deepEqual([...notices.keys(), ...answers.keys()], [], 'strangers receive nothing');
  }

  /** Sends the requests of one cast: those of a row in order, the rows at the same time. */
  async #act(play: Play): Promise<Operation[]> {
    const rows = drawGroup(play.rng, play.cast);
    const addresses = new Set(play.cast.addresses);
    const before = play.state;
    const run = async (row: Rows[number]): Promise<Operation[]> => {
      const operations: Operation[] = [];
      for (const choice of row) {
        const operation = await this.#ask(play, before, choice, addresses);
        if (operation) operations.push(operation);
      }
      return operations;
    };
    return (await Promise.all(rows.map(run))).flat();
  }

  /** @param addresses - not linked yet in this wave: each mailed code must belong to one request. */
  async #ask(
    { cast, devices }: Play,
    before: State,
    choice: Choice,
    addresses: Set<string>,
  ): Promise<Operation | undefined> {
    const { client: chosen, asked } = choice.choose(before, cast);
    if (asked.kind === 'link' && asked.address.includes('@') && !addresses.delete(asked.address))
      return undefined;
    // MQTT 3.1.1 clients have an odd number; their neighbour can distinguish an answer from another client's
    // `remove` or `phone`.
    const needsProperties = ['remove', 'phone', 'aws'].includes(asked.kind);
    const index = cast.clients.indexOf(chosen);
    const client = (needsProperties ? cast.clients[index - (index % 2)] : undefined) ?? chosen;
    const device = devices.get(client);
    assert.ok(device);
    const exchange = await device.ask(payloadOf(asked, choice.forms), asked.kind);
    const name = `${asked.kind}: ${answerName(exchange.answers.at(-1))}`;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    return { id: ++this.#operations, client, asked, ...exchange };
  }

  async #judge(
    play: Play,
    seen: {
      operations: readonly Operation[];
      outside: Outside;
      notices: Map<string, Overheard[]>;
      answers: Map<string, Overheard[]>;
    },
  ): Promise<void> {
    const { cast } = play;
    const { operations, outside } = seen;
    const notices = cast.phones.flatMap((phone) => {
      const own = takeOut(seen.notices, `ses/${phone}`);
      return own.map(({ payload }) => noticeText({ phone, contact: readNotice(payload) }));
    });
    const copies = cast.clients.flatMap((client) => {
      const own = operations.filter((operation) => operation.client === client);
      return unasked(client, takeOut(seen.answers, `actions/1/api/${client}`), own);
    });
    const view = withLastProposals(await readView(this.#harness.database, cast));
    const viewedAt = Date.now() + this.#skipped;
    const group: Group = { operations, outside, notices, copies, view, viewedAt };
    const result = explain(play.state, group);
    this.explored.all += result.explored;
    this.explored.worst = Math.max(this.explored.worst, result.explored);
    if (result.state === undefined) {
      assert.fail(
        `seed ${this.#seed}, wave ${this.waves}, ${cast.name}:\n${report(play.state, group, result)}`,
      );
    }
    // All contacts have heard.
    play.state = { ...result.state, followed: {} };
  }

  /** The authentication service: clients sign in, sign out, and change to another phone. */
  async #signIn(play: Play): Promise<void> {
    const { cast, rng } = play;
    for (const client of cast.clients) {
      const [comesBack, leaves, changes] = [rng.is(0.5), rng.is(0.02), rng.is(0.1)];
      // A client that asked to move to a phone often signs in there next.
      const [any, follows] = [rng.pick(cast.phones), rng.is(0.7)];
      const phone = (follows ? play.state.proposals[client]?.phone : undefined) ?? any;
      const isIn = client in play.state.sessions;
      if (isIn ? changes : comesBack) {
        await this.#harness.signIn(client, phone);
        play.state = { ...play.state, sessions: put(play.state.sessions, client, phone) };
      } else if (isIn && leaves) {
        // The set of the phone's sessions keeps a stale member, which is allowed.
        await this.#harness.database.del(`session:${client}`);
        play.state = { ...play.state, sessions: drop(play.state.sessions, client) };
      }
    }
  }

  /** Sometimes skips a minute, ten, an hour or a day, so that limits, codes and migrations expire. */
  async #passTime(): Promise<void> {
    const minutes = Number(this.#rng.weighted({ 0: 60, 1.1: 30, 12: 6, 61: 3, 1501: 1 }));
    if (minutes === 0) return;
    await skipTime(this.#harness.database, minutes * 60_000);
    this.#skipped += minutes * 60_000;
  }

  #outsideMood(): Pick<Outside, 'mail' | 'sts'> {
    const mail = this.#rng.is(0.15) ? 'refuses' : 'accepts';
    const sts = this.#rng.weighted({ success: 8, slow: 1, AccessDenied: 1 });
    this.#smtp.refuse(mail === 'refuses' ? 'rcpt' : 'none');
    this.#sts.mode(sts, slowStsMs);
    return { mail, sts };
  }

  /** The sink keeps the newest thousand mails only, so the new ones are those behind the last one seen. */
  #newCodes(): Map<string, string> {
    const mails = this.#smtp.mails();
    const fresh = mails.slice(this.#lastMail === undefined ? 0 : mails.lastIndexOf(this.#lastMail) + 1);
    this.#lastMail = mails.at(-1);
    return new Map(fresh.map(({ to, text }) => [to[0] ?? '', /\b\d{6}\b/.exec(text)?.[0] ?? '']));
  }

  #newKeys(): Map<string, string[]> {
    const fresh = this.#sts.requests().slice(this.#stsSeen);
    this.#stsSeen += fresh.length;
    const keys = new Map<string, string[]>();
    for (const { sessionName, issued } of fresh) {
      const phone = /\d+$/.exec(sessionName)?.[0] ?? '';
      if (issued) keys.set(phone, [...(keys.get(phone) ?? []), issued.keys.accessKeyId]);
    }
    return keys;
  }

  /**
   * Finds leftover keys in Redis: those that belong to no cast's profile, session, code, limit, credentials or
   * migration.
   */
  async strayKeys(): Promise<string[]> {
    const phones = this.#plays.flatMap(({ cast }) => cast.phones).join('|');
    const known = new RegExp(
      `^(workers:.*|workers|subscriptions:.*|client-id:.*|session:client-\\d+-\\d|(sessions|profile|contacts|verify|aws):\\{(${phones})\\}|limit:\\{(${phones})\\}:(link|mails|migrate|tries:[\\w-]+)|` +
        `proposal:client-\\d+-\\d|migration:\\{(${phones})\\}(:to)?|limit:\\{[\\w-]+\\}:(address|domain)|confirmed:\\{[\\w-]+\\}|done:\\{(${phones})\\}:.*)$`,
    );
    const keys = await allKeys(this.#harness.database);
    return keys.filter((key) => !known.test(key));
  }
}

export const slowStsMs = 150;

function takeOut<T>(map: Map<string, T[]>, name: string): readonly T[] {
  const values = map.get(name) ?? [];
  map.delete(name);
  return values;
}

/**
 * The messages that a client received without a request, as texts. @throws AssertionError if an answer went to the
 * wrong client.
 */
function unasked(client: string, messages: readonly Overheard[], operations: readonly Operation[]): string[] {
  const texts = messages.map(({ payload }) => readAnswer(payload));
  for (const answer of operations.flatMap(({ answers }) => answers)) {
    const index = texts.findIndex((text) => answerText(text) === answerText(answer));
    assert.ok(index >= 0, `${client} got an answer that was not published to it`);
    texts.splice(index, 1);
  }
  return texts.map((answer) =>
    answerName(answer) === 'profile remove' && 'kind' in answer
      ? copyText(client, answer.phone, answer.size)
      : `${client} ${answerText(answer)}`,
  );
}
