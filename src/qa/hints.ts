import type { Publisher } from '../mqtt/connection.ts';
import { hintText, hintTopic } from './formats/hint.ts';

/** What all workers know of hints; kept in Redis. */
export interface HintRecords {
  /** That a client has a hint for so many seconds. */
  given(client: string, seconds: number): Promise<void>;
  /** @returns whether it had one. */
  settled(client: string): Promise<boolean>;
  /** That a `remove` has signed a client out. */
  signedOut(client: string): Promise<void>;
  /** When that was, in ISO 8601. */
  signedOutAt(client: string): Promise<string | undefined>;
}

export interface HintsDeps {
  readonly records: HintRecords;
  /** The phone of a client's session. */
  readonly phoneOf: (client: string) => Promise<string | undefined>;
}

/** The broker forgets a hint after so long. */
const hintSeconds = 600;
/** One worker keeps hints for so many clients; for one more, that of the oldest goes. */
const maxHints = 100;

/**
 * Says to a client on `qa/hint/<client>` why it has no answer, or not the one that it expects. Retained, so that who looks later
 * sees it; gone with the next request that goes well.
 */
export class Hints {
  readonly #deps: HintsDeps;
  /** The clients with a hint of this worker, the oldest first. */
  readonly #clients = new Set<string>();

  constructor(deps: HintsDeps) {
    this.#deps = deps;
  }

  /** Never throws, and holds up no request. */
  give(broker: Publisher, client: string, hint: string): void {
    this.#clients.delete(client);
    this.#clients.add(client);
    const [oldest] = this.#clients;
    if (this.#clients.size > maxHints && oldest !== undefined) {
      this.#clients.delete(oldest);
      publish(broker, oldest, '');
    }
    this.#deps.records.given(client, hintSeconds).catch(ignore);
    publish(broker, client, hintText(hint));
  }

  /** A request of the client went well. */
  settle(broker: Publisher, client: string): void {
    this.#deps.records
      .settled(client)
      .then((had) => {
        if (!had) return;
        this.#clients.delete(client);
        publish(broker, client, '');
      })
      .catch(ignore);
  }

  signedOut(client: string): void {
    this.#deps.records.signedOut(client).catch(ignore);
  }

  /** Why a client was answered `not_authorized`. */
  giveUnauthorized(broker: Publisher, client: string): void {
    const { phoneOf, records } = this.#deps;
    Promise.all([phoneOf(client), records.signedOutAt(client)])
      .then(([phone, at]) => this.give(broker, client, unauthorized(phone, at)))
      .catch(ignore);
  }
}

function unauthorized(phone: string | undefined, signedOutAt: string | undefined): string {
  if (phone !== undefined)
    return `This client is signed in as ${phone}, and the request names another phone.`;
  const since = signedOutAt === undefined ? '' : ` since ${signedOutAt}, when its phone was removed`;
  return `This client is signed out${since}: it has no session. ${howToSignIn}`;
}

const howToSignIn =
  'With npm run dev connect again, or publish "<client> <phone>" to dev/sign-in; elsewhere profilectl session add or profilectl qa invite.';

/** For refusals that their atom alone does not explain. */
export const refusalHints: Readonly<Record<string, string>> = {
  too_many_requests:
    'Too many requests: of this client in all (CLIENT_RATE, CLIENT_BURST), or of this kind (a mail a minute). Wait a moment.',
  busy: 'Too much of this is under way, or the phone is just being moved or removed. Try again.',
  internal: 'The worker could not do it; its log has the cause, profilectl doctor what is in the way.',
};

function publish(broker: Publisher, client: string, text: string): void {
  const payload = Buffer.from(text);
  const topic = hintTopic(client);
  const publication = { topic, payload, qos: 0, retain: true, contentType: 'text/plain' } as const;
  broker.publish({ ...publication, expirySeconds: hintSeconds }).catch(ignore);
}

/** A request does not fail when its hint does. */
const ignore = (): void => undefined;
