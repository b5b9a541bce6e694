/** Checks whether the answers, notices and stored data match some order of the requests. */
import { createHash } from 'node:crypto';
import { advance } from './model.ts';
import { withoutIdle } from './notifying.ts';
import { answerText, isRefusedForMove, type Operation, type Outside } from './operation.ts';
import { type State, sortedText, type View, viewOf } from './state.ts';
import { type Move, type Notice, start, type Task } from './task.ts';

/** Requests that overlapped, and all observations of them; nothing else was in work before or after. */
export interface Group {
  /** The order in which the search tries them. */
  readonly operations: readonly Operation[];
  readonly outside: Outside;
  /** Messages on `ses/…`, as texts. */
  readonly notices: readonly string[];
  /** Clients that received an answer without a request of theirs: `<client> <answer>`. */
  readonly copies: readonly string[];
  /** The state of Redis afterwards. */
  readonly view: View;
  /** When that was read, by the clock of the store. */
  readonly viewedAt: number;
}

/** How the search ended. */
export interface CheckResult {
  /** The state after an order that explains everything; absent if there is none. */
  readonly state?: State;
  /** How many points the search visited. */
  readonly explored: number;
  /** The point with the fewest unexplained observations, for the report. */
  readonly furthest?: Point;
}

interface Point {
  readonly state: State;
  readonly tasks: readonly Task[];
  readonly notices: readonly string[];
  readonly copies: readonly string[];
}

/** The most points to visit, first in each mode of the search, and then again. */
const explorations = [20_000, 200_000] as const;

export function noticeText({ phone, contact }: Notice): string {
  return `${phone} ${sortedText(contact)}`;
}

/** Checks a group. The start of a move is seldom observed, and makes the search many times as long. */
export function explain(before: State, group: Group): CheckResult {
  const withMove = { ...group, outside: { ...group.outside, sawMove: true } };
  const ways = seesMoves(group.operations) ? [group, withMove] : [group];
  let explored = 0;
  let result: CheckResult = { explored };
  for (const max of explorations) {
    for (const way of ways) {
      result = linearize(before, way, max);
      explored += result.explored;
      if (result.state !== undefined) return { ...result, explored };
    }
  }
  return { ...result, explored };
}

/**
 * Whether the start of a move may matter: a request was refused because of it, or another proposal arrived meanwhile.
 */
function seesMoves(operations: readonly Operation[]): boolean {
  const has = (kind: string) => operations.some(({ asked }) => asked.kind === kind);
  return operations.some(isRefusedForMove) || (has('migrate') && has('phone'));
}

/**
 * Searches the orders of all steps for one that explains a group. A request that was answered before another was sent
 * comes first; apart from that, any order is allowed.
 */
function linearize(before: State, group: Group, maxExplored: number): CheckResult {
  const seen = new Set<string>();
  const wanted = sortedText(group.view);
  let furthest: Point | undefined;
  const search = (point: Point): State | undefined => {
    const key = digestOfPoint(point);
    if (seen.has(key) || seen.size > maxExplored) return undefined;
    seen.add(key);
    if (furthest === undefined || progress(point) > progress(furthest)) furthest = point;
    if (isExplained(point) && sortedText(viewOf(point.state, group.viewedAt)) === wanted) return point.state;
    for (const next of nexts(point, group)) {
      const found = search(next);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const tasks = group.operations.map(() => start);
  const state = search({ state: before, tasks, notices: group.notices, copies: group.copies });
  return { explored: seen.size, ...(state && { state }), ...(furthest && { furthest }) };
}

/** Stores digests, because a million whole points need too much memory. */
function digestOfPoint({ state, tasks, notices, copies }: Point): string {
  const { profiles, ...others } = state;
  const ofProfiles = Object.entries(profiles).map(([phone, profile]) => phone + digestOf(profile));
  const parts = [...ofProfiles, ...Object.values(others).map(digestOf), ...tasks.map(digestOf)];
  return digestOfText([...parts, digestOf(notices), digestOf(copies)].join());
}

const digests = new WeakMap<object, string>();

/** States are immutable, so the shared parts of two points are written once. */
function digestOf(value: object): string {
  const known = digests.get(value);
  if (known !== undefined) return known;
  const digest = digestOfText(JSON.stringify(value));
  digests.set(value, digest);
  return digest;
}

function digestOfText(text: string): string {
  return createHash('sha1').update(text).digest('base64');
}

function isExplained({ tasks, notices, copies }: Point): boolean {
  return tasks.every(({ step }) => step === 'done') && notices.length === 0 && copies.length === 0;
}

/** Compares by the number of finished and of explained requests. */
function progress({ tasks, notices, copies }: Point): number {
  const steps = tasks.reduce((sum, { step }) => sum + (step === 'done' ? 3 : step === 'start' ? 0 : 1), 0);
  return steps - (notices.length + copies.length) / 100;
}

function* nexts(point: Point, { operations, outside }: Group): Generator<Point> {
  const { state } = point;
  const tasks = withoutIdleNotifying(point, operations);
  for (const [index, operation] of operations.entries()) {
    const task = tasks[index] ?? start;
    if (task.step === 'start' && isTooEarly(operation, operations, tasks)) continue;
    for (const move of advance(outside, state, operation, task)) {
      const said = withoutSaid(point, operation, move);
      if (said) yield { state: move.state, tasks: tasks.with(index, move.task), ...said };
    }
  }
}

/** Only `set` and a move add entries; without them, contacts without an entry need no notice. */
function withoutIdleNotifying({ state, tasks }: Point, operations: readonly Operation[]): readonly Task[] {
  const mayAppear = operations.some(
    ({ asked: { kind } }, index) => tasks[index]?.step !== 'done' && (kind === 'set' || kind === 'phone'),
  );
  if (mayAppear || Object.keys(state.moved).length > 0) return tasks;
  return tasks.map((task, index) => {
    const operation = operations[index];
    return operation === undefined ? task : withoutIdle(state, operation, task);
  });
}

/** Whether a request that was answered before this one was sent is still open. */
function isTooEarly(
  { askedAt }: Operation,
  operations: readonly Operation[],
  tasks: readonly Task[],
): boolean {
  return operations.some((other, index) => other.answeredAt < askedAt && !tasks[index]?.answered);
}

/** What is left to explain after a step; `undefined` if the step would send a message that nobody received. */
function withoutSaid({ notices, copies }: Point, { asked, answers }: Operation, move: Move) {
  const leftNotices = without(notices, (move.notices ?? []).map(noticeText));
  const leftCopies = without(
    copies,
    (move.copies ?? []).map((client) =>
      asked.kind === 'remove'
        ? copyText(client, asked.phone, asked.size)
        : `${client} ${answerText(answers[0])}`,
    ),
  );
  return leftNotices && leftCopies && { notices: leftNotices, copies: leftCopies };
}

export function copyText(client: string, phone: string, size: number): string {
  return `${client} remove ${phone} ${size}`;
}

function without(list: readonly string[], gone: readonly string[]): readonly string[] | undefined {
  let left = list;
  for (const text of gone) {
    const index = left.indexOf(text);
    if (index < 0) return undefined;
    left = left.toSpliced(index, 1);
  }
  return left;
}
