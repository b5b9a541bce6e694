/** The JSON that the page in the browser and its server exchange. */

/** A phone that the page can use, and the first values of its forms, by `<request>.<field>`. */
export interface Person {
  readonly name: string;
  /** Digits. */
  readonly phone: string;
  readonly examples: Readonly<Record<string, string>>;
}

/** `GET /people.json` */
export type People = readonly Person[];

/** `GET /requests.json`: each kind of request, with what it does in a sentence. */
export type Requests = Readonly<Record<string, string>>;

/** The counters of one worker since its start; `undefined` numbers could not be read. */
export interface WorkerNumbers {
  readonly name: string;
  /** Absent when the worker does not answer. */
  readonly numbers?: {
    readonly requests: number;
    readonly inFlight: number;
    /** Requests that took at most this long, over all kinds, in rising order; the last one counts all. */
    readonly durations: readonly { readonly atMostSeconds: number; readonly count: number }[];
  };
}

/** `GET /workers.json` */
export type Workers = readonly WorkerNumbers[];

/** What a request needs beside the broker, as it is now. */
export interface Part {
  /** `no-worker` where none is found. */
  readonly kind: 'redis' | 'worker' | 'no-worker';
  readonly name: string;
  /** Why it takes no requests, a sentence each; empty when it does. */
  readonly causes: readonly string[];
  /** For how long it has been ready, or not. */
  readonly forSeconds: number;
}

/** `GET /readiness.json`: Redis, then each worker. */
export type Readiness = readonly Part[];

/** A mail that was caught, as the page shows it. */
export interface ShownMail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** ISO 8601. */
  readonly receivedAt: string;
}

/** `GET /mails.json`, newest first. */
export type ShownMails = readonly ShownMail[];

/** `POST /sessions`: lets a client of this page act for a phone, as the authentication service would. */
export interface SignIn {
  readonly client: string;
  readonly phone: string;
}
