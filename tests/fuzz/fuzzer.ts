/** Coverage-guided fuzzing in one process: keeps an input that runs new code, and makes others from it. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { unitsOf } from '../harness/calibration.ts';
import { Rng } from '../harness/rng.ts';
import { Coverage } from './coverage.ts';
import { mutate } from './mutations.ts';
import type { Target } from './targets.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly executions: number;
  /** Stops earlier after this time. */
  readonly seconds: number;
  /** Inputs that were kept before. */
  readonly corpus: readonly Buffer[];
  onProgress?(report: FuzzReport): void;
}

export interface FuzzReport {
  readonly executions: number;
  readonly seconds: number;
  readonly blocks: number;
  readonly corpus: readonly Buffer[];
  /** Milliseconds of the slowest input. */
  readonly slowestMs: number;
  /** The most memory that remained after a garbage collection. */
  readonly peakMegabytes: number;
  /** Inputs that broke a promise. */
  readonly findings: readonly Finding[];
}

export interface Finding {
  readonly input: Buffer;
  readonly cause: string;
}

/** No input may hold the event loop longer, in units of some 10 ms (tests/harness/calibration.ts). */
const MAX_UNITS = 4;
/** A faster input is not compared with the unit. */
const SUSPICIOUS_MS = 20;
const FUZZ_ROUNDS = 20;
/** Asking V8 for the coverage takes a millisecond or two, so it happens once for a batch; after news, one by one. */
const BATCH = 400;
/** The memory after a garbage collection, of the fuzzer and the sources together; and how often that is checked. */
const MAX_MEGABYTES = 64;
const MEMORY_BATCHES = 100;
const MAX_FINDINGS = 10;

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const rng = new Rng(options.seed, 'fuzz');
  const coverage = await Coverage.start(target.folders);
  const started = performance.now();
  const kept: Buffer[] = [];
  const findings: Finding[] = [];
  let executions = 0;
  let slowestMs = 0;
  let peak = 0;
  let batches = 0;
  const report = (): FuzzReport => ({
    executions,
    seconds: (performance.now() - started) / 1_000,
    blocks: coverage.blocks,
    corpus: kept,
    slowestMs,
    peakMegabytes: peak,
    findings,
  });
  const run = (input: Buffer): void => {
    executions++;
    try {
      const before = performance.now();
      const check = target.read(input);
      const took = performance.now() - before;
      const units = took > SUSPICIOUS_MS ? unitsOf(() => target.read(input), MAX_UNITS, FUZZ_ROUNDS) : 0;
      if (units > MAX_UNITS) findings.push({ input, cause: `takes ${units.toFixed(0)} units of work` });
      slowestMs = Math.max(slowestMs, took);
      check?.();
    } catch (error) {
      findings.push({
        input,
        cause: error instanceof Error ? `${error.name}: ${error.message}` : 'no Error',
      });
    }
  };

  for (const input of [...target.seeds, ...options.corpus]) {
    run(input);
    if ((await coverage.news()).size > 0) kept.push(input);
  }
  while (
    executions < options.executions &&
    report().seconds < options.seconds &&
    findings.length < MAX_FINDINGS
  ) {
    const batch = Array.from({ length: BATCH }, () =>
      mutate(rng.pick(kept), rng.pick(kept), target.words, rng),
    );
    for (const input of batch) run(input);
    const news = await coverage.news();
    if (news.size > 0) kept.push(...(await causesOf(news, batch, coverage, run)));
    if (batches++ % MEMORY_BATCHES === 0) peak = Math.max(peak, await retainedMegabytes());
    if (peak > MAX_MEGABYTES) findings.push({ input: Buffer.alloc(0), cause: `${peak.toFixed(0)} MB stay` });
    await nextTurn();
    options.onProgress?.(report());
  }
  coverage.stop();
  return report();
}

/**
 * Which inputs of a batch ran these blocks: one for each. Runs twenty again at a time, and one by one where that
 * shows new blocks.
 */
async function causesOf(
  blocks: ReadonlySet<string>,
  batch: readonly Buffer[],
  coverage: Coverage,
  run: (input: Buffer) => void,
): Promise<Buffer[]> {
  const causes: Buffer[] = [];
  let open = new Set(blocks);
  for (let start = 0; start < batch.length && open.size > 0; start += 20) {
    const part = batch.slice(start, start + 20);
    for (const input of part) run(input);
    if ((await coverage.among(open)).size === 0) continue;
    for (const input of part) {
      run(input);
      const ran = await coverage.among(open);
      if (ran.size === 0) continue;
      causes.push(input);
      open = new Set([...open].filter((block) => !ran.has(block)));
    }
  }
  return causes;
}

async function retainedMegabytes(): Promise<number> {
  // zlib releases its memory in turns of the event loop after the collection.
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await sleep(5);
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
