import type { Context } from '../handlers/handler.ts';
import type { SentProfile } from '../protocol/profile.ts';
import type { EventTopic } from '../protocol/topics.ts';
import type { Authenticator } from './authenticator.ts';
import type { Redelivery } from './poison-guard.ts';

export interface SessionPhoneDeps {
  readonly authenticator: Authenticator;
  readonly context: Pick<Context, 'requestStates'>;
}

/** Who asks. */
interface Asked {
  readonly client: string;
  readonly event: EventTopic;
}

/** The phone of the session of the client that asks; `undefined` as in `Authenticator.phoneOf`. */
export async function sessionPhoneOf(
  { authenticator, context }: SessionPhoneDeps,
  { client, event }: Asked,
): Promise<string | undefined> {
  return authenticator.phoneOf(await context.requestStates.session(client), event, client);
}

/** Note what a request that came again asks for. One without a phone asks for that of its session. */
export async function noteRedelivery(
  deps: SessionPhoneDeps,
  redelivery: Redelivery,
  asked: Asked & { readonly sent: SentProfile | string },
): Promise<void> {
  const { sent } = asked;
  if (typeof sent === 'string') return;
  const phone = sent.phone || (await sessionPhoneOf(deps, asked).catch(() => undefined));
  if (phone !== undefined) await redelivery.note(phone, sent.kind);
}
