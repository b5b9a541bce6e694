import { inTime } from '../lib/in-time.ts';
import { ioError, ioOk } from '../protocol/io.ts';
import { awsService, awsServiceAdded } from '../protocol/service.ts';
import type { CredentialLock, ValidCredentials } from '../store/credentials.ts';
import type { Context, ReadHandler } from './handler.ts';
import { type Outcome, type ReplyAddress, type Request, refuse } from './outcome.ts';

/**
 * `aws`: temporary credentials for the phone, from those that are kept or from STS.
 *
 * Answers `{io,{ok,aws},{'Service',…,verified}}`; or `…added` at once if STS is slow or another request of the phone is
 *         already asking it, and the credentials or the error when they are there, to all that asked meanwhile.
 *         A client that asks again while it waits is answered once more, where it asked last.
 * Refuses `aws` if STS gives none; `busy` if the limiter's queue is full, or too many clients of the phone or of this worker wait;
 *         `invalid_data` if its Correlation Data is larger than what is kept of those that wait.
 * @see docs/protocol.md, "aws"
 */
export const aws: ReadHandler = {
  async handle(request, context) {
    const { correlationData } = request.replyTo;
    if (correlationData !== undefined && correlationData.length > maxCorrelationBytes)
      return refuse('invalid_data');
    if (context.sts === undefined) return refuse('aws');
    const kept = await context.credentials.find(request.phone);
    if (kept !== undefined) {
      const payload = ioOk('aws', awsService(kept));
      const expirySeconds = expirySecondsOf(kept);
      return { result: 'aws', answers: [{ payload, onlyFor: request.phone, expirySeconds }] };
    }

    const lock = context.credentials.lock(
      request.phone,
      request.replyTo.client,
      writeWaiter(request.replyTo),
    );
    const turn = await lock.join();
    if (turn === 'full') return refuse('busy');
    const asked = obtain(request, context, lock, turn);
    // A fault is met where `deferred` is awaited; until then nobody may be there to catch it.
    asked.catch(() => undefined);
    const pending: Outcome = {
      result: 'aws',
      answers: [{ payload: ioOk('aws', awsServiceAdded) }],
      deferred: asked,
    };
    return turn === 'asked' ? pending : inTime(asked, context.awsFastReplyMs, pending);
  },
};

/**
 * Ask STS when it is this request's turn. Another that has it answers this one too; if that one dies, it is our turn. Who
 * waits for another holds no place in the limiter.
 */
async function obtain(
  request: Request,
  context: Context,
  lock: CredentialLock,
  first: 'yours' | 'asked',
): Promise<Outcome> {
  for (let turn: 'yours' | 'asked' | 'full' = first; ; turn = await lock.join()) {
    if (turn === 'full') return refuse('busy');
    if (turn === 'asked' && (await lock.wait()) === 'answered') return { result: 'aws', answers: [] };
    const outcome = await askWithinLimit(request, context, lock);
    if (outcome !== 'asked') return outcome;
  }
}

/** Ask STS as soon as there is a place. `'asked'` if the turn was lost before that, though it is kept: say Redis was away. */
async function askWithinLimit(
  request: Request,
  context: Context,
  lock: CredentialLock,
): Promise<Outcome | 'asked'> {
  const stopKeeping = lock.keep();
  try {
    const asked = context.stsLimiter.run(async () => {
      stopKeeping();
      return (await lock.tryAcquire()) === 'yours' ? askSts(request, context, lock) : 'asked';
    });
    if (asked !== 'queue_full') return await asked;
    await lock.release([]);
    return refuse('busy');
  } finally {
    stopKeeping();
  }
}

/**
 * Ask STS, and answer the asking client and all that wait at its broker. Credentials never wait for another broker, where
 * somebody could read them meanwhile: the first who waits there has the turn next, and answers all others there.
 */
async function askSts({ phone, replyTo }: Request, context: Context, lock: CredentialLock): Promise<Outcome> {
  const { credentials, sessions, sts } = context;
  // The worker that held the lock before may have been killed after it kept the credentials.
  const kept = await credentials.find(phone);
  const found = kept ?? (await sts?.assumeRole(phone));
  const issued = found === 'refused' ? undefined : found;
  const waiting = await lock.store(issued);
  // The phone may have gone before we had the turn: then nothing of it stays.
  if ((await sessions.phoneOf(replyTo.client)) !== phone) await credentials.drop(phone);
  const payload = issued === undefined ? ioError('aws') : ioOk('aws', awsService(issued));
  const expirySeconds = expirySecondsOf(issued);
  const here = waiting.filter(({ text }) => readWaiter(text).broker === replyTo.broker);
  const others = here.map(({ text }) => ({ to: readWaiter(text), payload, onlyFor: phone, expirySeconds }));
  return {
    result: 'aws',
    answers: [{ payload, onlyFor: phone, expirySeconds }, ...others],
    outsideCalls: kept === undefined ? 1 : 0,
    onSent: () => lock.release(here),
  };
}

/** Credentials do not wait at the broker for more than an hour, nor for longer than they are valid. */
function expirySecondsOf(issued: ValidCredentials | undefined): number {
  const leftSeconds = issued === undefined ? maxExpirySeconds : issued.validMs / 1000;
  return Math.max(1, Math.min(maxExpirySeconds, Math.floor(leftSeconds)));
}

const maxExpirySeconds = 60 * 60;

/** Up to 16 clients of a phone wait in Redis, each with its Correlation Data. MQTT allows 64 KB of it. */
const maxCorrelationBytes = 1_024;

/** Where a waiting client wants its answer, as `readWaiter` reads it. */
function writeWaiter({ client, broker, responseTopic, correlationData }: ReplyAddress) {
  return [client, responseTopic, correlationData?.toString('base64'), broker];
}

function readWaiter(text: string): ReplyAddress {
  const [client, responseTopic, correlationData, broker] = JSON.parse(text) as [
    string,
    string | null,
    string | null,
    string | null | undefined, // absent where an earlier version wrote it
  ];
  return {
    client,
    broker: broker ?? undefined,
    responseTopic: responseTopic ?? undefined,
    correlationData: correlationData === null ? undefined : Buffer.from(correlationData, 'base64'),
  };
}
