/** One row of the fault table, and how rows are written. In a text `…` stands for anything. */
export interface Fault {
  /** Names the test. */
  readonly name: string;
  /** What is broken, as an operator would say it. */
  readonly what: string;
  /** A line of the worker's log: its message, and what its other fields say. */
  readonly log: string;
  /** A line of `/readyz`. Empty: 200 and `ready`. */
  readonly readyz: string;
  /** A failed check of `profilectl doctor`. */
  readonly doctor: string;
  /** The alerts that it raises, by their names in deploy/prometheus/alerts.yml. */
  readonly alerts: readonly string[];
  /** Left to `npm run faults`, because it takes long. */
  readonly slow?: true;
}

export const down = ['ProfileNoWorkerReady', 'ProfileWorkerNotReady'] as const;

const refusing = [...down, 'ProfileRedisRefuses'] as const;

/** Readiness and the log have the same words; the doctor has them too, unless it says more. */
export const unready = (server: string, cause: string, doctor = `${server.split(' ')[0]}: ${cause}`) => ({
  log: `not ready … ${server}: ${cause}`,
  readyz: `${server}: ${cause}`,
  doctor,
  alerts: down,
});

/** The same of a Redis that is there and refuses, which is no matter of waiting. */
export const refused = (...words: [cause: string, doctor?: string]) => ({
  ...unready('redis', ...words),
  alerts: refusing,
});

/** The worker goes on, and clients hear that a service fails. */
export const ready = (log: string, doctor: string, ...alerts: readonly string[]) => ({
  log,
  readyz: '',
  doctor,
  alerts,
});

export const row = (name: string, what: string, sees: Omit<Fault, 'name' | 'what' | 'slow'>): Fault => ({
  name,
  what,
  ...sees,
});

export const slow = (fault: Fault): Fault => ({ ...fault, slow: true });
