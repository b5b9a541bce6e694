import { type Server, servers, type Trouble, type Troubled, troubles, type Undo } from './trouble-orders.ts';

/** The topic for fault orders, from MQTT Explorer or a script; the current state is retained below it. */
export const troubleTopic = 'dev/trouble';

const maxSeconds = 3_600;
/** A worker that stands still for longer is taken for dead. */
const maxSlowMs = 3_000;

interface Parsed {
  readonly server: Server;
  readonly what: string;
  readonly trouble: Trouble | undefined;
  readonly amount: number;
  readonly seconds: number;
}

/** Reads `mail slow`, `sts slow 5000`, `redis down for 30`, `mail ok`. */
function parse(text: string): Parsed | undefined {
  const [, name = '', what = '', amount, seconds] =
    /^(\w+) (\w+)(?: (\d{1,6}))?(?: for (\d{1,4}))?$/.exec(text.trim().replaceAll(/\s+/g, ' ')) ?? [];
  const server = servers.find((each) => each === name);
  if (server === undefined) return undefined;
  const trouble = Object.hasOwn(troubles[server], what) ? troubles[server][what] : undefined;
  if (trouble === undefined && what !== 'ok') return undefined;
  if (amount !== undefined && trouble?.amount === undefined) return undefined;
  const most =
    what === 'slow' && server !== 'mail' && server !== 'sts' ? maxSlowMs : Number.POSITIVE_INFINITY;
  return {
    server,
    what,
    trouble,
    amount: Math.min(Number(amount ?? trouble?.amount ?? 0), most),
    seconds: Math.min(Number(seconds ?? trouble?.seconds ?? 60), maxSeconds),
  };
}

/** All orders, one line for each server. */
export const troubleOrders: readonly string[] = servers.map(
  (server) => `${server} ok|${Object.keys(troubles[server]).join('|')}`,
);
const notUnderstood = `not understood; one of: ${troubleOrders.join(', ')}; slow, off and limit take a number, each "for" and seconds`;

interface InForce {
  readonly state: string;
  readonly undo: Undo;
  readonly timer: NodeJS.Timeout;
  readonly isSlow: boolean;
}

/** The trouble that is in force, one for each server; each ends by itself. */
export class Troubles {
  readonly #system: Troubled;
  readonly #tell: (server: Server | undefined, state: string) => void;
  readonly #inForce = new Map<Server, InForce>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param tell - receives the state of a server at each change, or what was not understood. */
  constructor(system: Troubled, tell: (server: Server | undefined, state: string) => void) {
    this.#system = system;
    this.#tell = tell;
  }

  /** What is in force, a sentence each. */
  get states(): string[] {
    return [...this.#inForce.values()].map(({ state }) => state);
  }

  /** Carries out an order, after those before it. */
  order(text: string): Promise<void> {
    const parsed = parse(text);
    if (parsed === undefined) {
      this.#tell(undefined, notUnderstood);
      return Promise.resolve();
    }
    return this.#inTurn(() => this.#carryOut(parsed));
  }

  /** Ends all trouble. */
  endAll(): Promise<void> {
    return this.#inTurn(async () => {
      for (const server of [...this.#inForce.keys()]) await this.#end(server, false);
    });
  }

  /** For the end of the program: what is down stays down. */
  async leave(): Promise<void> {
    for (const { timer, isSlow, undo } of this.#inForce.values()) {
      clearTimeout(timer);
      if (isSlow) await undo();
    }
    this.#inForce.clear();
  }

  async #carryOut({ server, what, trouble, amount, seconds }: Parsed): Promise<void> {
    const wasInForce = await this.#end(server, trouble !== undefined);
    if (trouble === undefined) {
      if (!wasInForce) this.#tell(server, `${server} ok`);
      return;
    }
    const undo = await trouble.order(this.#system, amount);
    const until = new Date(Date.now() + seconds * 1_000).toISOString().slice(11, 19);
    const shown = trouble.amount === undefined ? '' : ` ${amount}${what === 'slow' ? ' ms' : ''}`;
    const state = `${server} ${what}${shown}, until ${until} UTC: ${trouble.effect}`;
    const timer = setTimeout(() => void this.order(`${server} ok`), seconds * 1_000);
    timer.unref();
    this.#inForce.set(server, { state, undo, timer, isSlow: what === 'slow' });
    this.#tell(server, state);
  }

  async #end(server: Server, isSilent: boolean): Promise<boolean> {
    const trouble = this.#inForce.get(server);
    if (trouble === undefined) return false;
    clearTimeout(trouble.timer);
    this.#inForce.delete(server);
    await trouble.undo();
    if (!isSilent) this.#tell(server, `${server} ok`);
    return true;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
