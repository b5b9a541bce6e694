/**
 * `npm run dev`: starts broker, Redis, mail sink, STS and two workers on free ports, and holds a conversation with
 * them. It touches no running server and leaves nothing behind. Its options stand in dev/scripts.mjs.
 */
import { fileURLToPath } from 'node:url';
import { inspect, parseArgs } from 'node:util';
import { checkArguments } from './arguments.mjs';
import { Conversation, ConversationFault } from './conversation.ts';
import { signInExplorers } from './explorers.ts';
import { type FieldLogins, habits, logins as loginsOf } from './field-steps.ts';
import { guide } from './guide.ts';
import { type ConnectedDevices, connectDevices, listen, seedSessions } from './phones.ts';
import { openStation } from './station.ts';
import { allSteps, introductions } from './steps.ts';
import { type System, startSystem } from './system.ts';
import { openTranscript } from './transcript.ts';
import { watchFiles } from './watch.ts';

checkArguments('dev');

const {
  once: isOnce,
  worker: workerFile,
  inspect: inspectPort,
  field,
} = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    worker: { type: 'string', default: 'src/main.ts' },
    inspect: { type: 'string' },
    field: { type: 'boolean', default: false },
  },
}).values;

const hasColours = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const transcript = openTranscript(print, hasColours);
const silence = openTranscript(() => undefined, false);

/** The running parts, the last started first. */
const closers: (() => Promise<unknown>)[] = [];
let stopping: Promise<void> | undefined;

/** Stops all started parts, then this program. A second call changes nothing. */
function stop(exitCode: number): Promise<void> {
  stopping ??= (async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
    process.exit(exitCode);
  })();
  return stopping;
}

function endOnSignal(): void {
  let firstAt: number | undefined;
  const onSignal = (): void => {
    firstAt ??= performance.now();
    // npm passes on signals that the terminal already sent here, so one Ctrl-C may arrive twice.
    if (performance.now() - firstAt > sameKeyPressMs) process.exit(130);
    // Only `--once` reports that the conversation was cut short.
    void stop(isOnce ? 130 : 0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  if (process.env.npm_lifecycle_event !== undefined) endWithParent();
}

/** A shell that npm started does not pass a SIGTERM on to its child. */
function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) void stop(0);
  }, 500).unref();
}

const sameKeyPressMs = 500;

/**
 * Holds the conversation. @throws ConversationFault unless every answer and notice is right, and nothing else
 * arrives.
 */
async function converse(system: System): Promise<void> {
  let firstAnswerAfter: number | undefined;
  const conversation = new Conversation((device, payload) => connected.publish(device, payload), transcript);
  const connected = await connectDevices(system.mosquitto.url, { field }, (device, topic, payload) => {
    firstAnswerAfter ??= process.uptime();
    conversation.receive(device, topic, payload);
  });
  try {
    const logins = fieldLogins(connected);
    const steps = field
      ? [...loginsOf(logins), ...allSteps(system.smtp, system.sts, habits(logins))]
      : allSteps(system.smtp, system.sts);
    for (const step of steps) await conversation.take(step);
    // A deferred message would otherwise arrive while the workers stop.
    if (isOnce) await stopWorkers(system);
    await connected.fence();
    conversation.expectSilence();
    print(
      `${steps.filter(({ sends }) => sends !== undefined).length} requests, ${conversation.receivedCount} answers and notices, all of them right. ` +
        `${conversation.skippedCount > 0 ? `${conversation.skippedCount} skipped, which the protocol allows. ` : ''}` +
        `From start to first answer: ${firstAnswerAfter?.toFixed(1)} s.`,
    );
  } finally {
    await connected.leave();
  }
}

function fieldLogins({ logIn }: ConnectedDevices): FieldLogins {
  return {
    logIn: (device) => logIn(device),
    async failToLogIn(device) {
      const isIn = await logIn(device, 'a wrong token').then(
        () => true,
        (error: Error) => !/not authorized/i.test(error.message),
      );
      if (isIn) throw new ConversationFault(`${device.client} is let in with a wrong token`);
    },
  };
}

async function stopWorkers({ workers }: System): Promise<void> {
  await Promise.all(workers.map((worker) => worker.stop()));
  if (workers.some(({ failed }) => failed)) throw new ConversationFault('a worker did not end in good order');
}

/** Restores the devices' sessions and profiles, so that requests can be tried by hand. */
async function startAnew(system: System): Promise<void> {
  await seedSessions(system.redis.url);
  const conversation = new Conversation((device, payload) => connected.publish(device, payload), silence);
  const connected = await connectDevices(
    system.mosquitto.url,
    { field },
    conversation.receive.bind(conversation),
  );
  try {
    const first = field ? loginsOf(fieldLogins(connected)) : [];
    for (const step of [...first, ...introductions]) await conversation.take(step);
  } finally {
    await connected.leave();
  }
}

/** Prints all messages, and restarts the workers when their files change, until Ctrl-C. */
async function stayUp(system: System): Promise<void> {
  const listener = await listen(system.mosquitto.url, ({ topic, payload, toWorkers }) => {
    if (toWorkers) transcript.sent(topic, payload);
    else transcript.received(topic, payload);
  });
  closers.push(() => listener.leave());
  const { mosquitto, redis } = system;
  const explorers = await signInExplorers(
    { brokerUrl: mosquitto.url, redisUrl: redis.url },
    (client, { phone }) => transcript.about(`${client} is signed in as ${phone}`),
  );
  closers.push(() => explorers.leave());
  const station = await openStation({
    system,
    startAnew: () => startAnew(system),
    explorers,
    print: (line) => transcript.about(line),
  });
  closers.push(() => station.leave());
  const restart = inTurn(() => restartWorkers(system));
  const unwatch = watchFiles(sourceFolder, isOfWorker, restart);
  closers.push(async () => unwatch());
  const pageUrl = await openPage(system);
  for (const line of guide(system, pageUrl)) print(line);
}

/**
 * Starts the page for the browser; if that fails, everything else goes on. Imported here, because it loads a bundler.
 */
async function openPage(system: System): Promise<string | undefined> {
  const report = (fault: unknown): void => transcript.fault(`the page: ${inspectBriefly(fault)}`);
  try {
    const { rebuildOnChange, startPageOf } = await import('./page/of-system.ts');
    const page = await startPageOf(system);
    closers.push(() => page.stop());
    const unwatch = rebuildOnChange(page, report);
    closers.push(async () => unwatch());
    return page.url;
  } catch (error) {
    report(error);
    return undefined;
  }
}

function inspectBriefly(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error);
}

/**
 * Restarts one after the other, so that one always takes requests. If a change breaks the first, the second keeps
 * running.
 */
async function restartWorkers({ workers }: System): Promise<void> {
  try {
    for (const worker of workers) await worker.restart();
  } catch (error) {
    if (stopping === undefined) transcript.fault(inspectBriefly(error));
  }
}

const sourceFolder = fileURLToPath(new URL('../src/', import.meta.url));

/** What editors leave beside a file does not restart a worker. */
function isOfWorker(path: string): boolean {
  return /(^|\/)[^./][^/]*\.(ts|lua)$/.test(path);
}

/** Calls during a run cause one more run after it. */
function inTurn(work: () => Promise<void>): () => void {
  let last = Promise.resolve();
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    last = last.then(() => {
      waiting = false;
      return work();
    });
  };
}

/** Workers that answer wrongly can be fixed while everything runs. */
function stayUpAnyway(error: unknown): void {
  if (isOnce || !(error instanceof ConversationFault)) throw error;
  transcript.fault(error.message);
}

/** Reports an expected error by its message; for any other the stack is more useful. */
function isToldInWords(error: unknown): error is Error {
  return error instanceof ConversationFault || (error instanceof Error && error.constructor === Error);
}

endOnSignal();
try {
  const system = await startSystem({
    workerFile,
    environment: process.env,
    logLevel: process.env.LOG_LEVEL ?? (isOnce ? 'error' : 'info'),
    hasColours,
    print,
    field,
    calm: isOnce,
    ...(inspectPort !== undefined && { inspectPort: Number(inspectPort) }),
    onStarted: (stopPart) => closers.push(stopPart),
  });
  await seedSessions(system.redis.url);
  await converse(system).catch(stayUpAnyway);
  if (isOnce) await stop(0);
  await startAnew(system).catch(stayUpAnyway);
  await stayUp(system);
} catch (error) {
  if (stopping === undefined) {
    transcript.fault(isToldInWords(error) ? error.message : inspect(error));
    await stop(1);
  }
}
