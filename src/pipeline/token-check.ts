import type { EventTopic } from '../protocol/topics.ts';
import type { Log } from '../telemetry/log.ts';
import { type SessionPhoneDeps, sessionPhoneOf } from './session-phone.ts';

/** What the token of a request shows before its payload is read. */
export type TokenResult = 'right' | 'not_authorized' | 'internal';

interface TokenCheckDeps extends SessionPhoneDeps {
  readonly log: Log;
}

/** Look at the token of a request alone. A fault of Redis is logged. */
export async function checkToken(
  deps: TokenCheckDeps,
  event: EventTopic,
  client: string,
): Promise<TokenResult> {
  try {
    return (await sessionPhoneOf(deps, { client, event })) === undefined ? 'not_authorized' : 'right';
  } catch (error) {
    deps.log.error({ err: error }, 'looking at a token failed');
    return 'internal';
  }
}
