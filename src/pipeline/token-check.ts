import type { Context } from '../handlers/handler.ts';
import type { EventTopic } from '../protocol/topics.ts';
import type { Log } from '../telemetry/log.ts';
import type { Authenticator } from './authenticator.ts';

/** What the token of a request shows before its payload is read. */
export type TokenResult = 'right' | 'not_authorized' | 'internal';

interface TokenCheckDeps {
  readonly authenticator: Authenticator;
  readonly context: Pick<Context, 'requestStates'>;
  readonly log: Log;
}

/** Look at the token of a request alone. A fault of Redis is logged. */
export async function checkToken(
  { authenticator, context, log }: TokenCheckDeps,
  event: EventTopic,
  client: string,
): Promise<TokenResult> {
  try {
    const session = await context.requestStates.session(client);
    return authenticator.phoneOf(session, event, client) === undefined ? 'not_authorized' : 'right';
  } catch (error) {
    log.error({ err: error }, 'looking at a token failed');
    return 'internal';
  }
}
