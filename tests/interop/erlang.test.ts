import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import {
  decode,
  EtfError,
  encode,
  equal,
  Foreign,
  float,
  ImproperList,
  map,
  parse,
  print,
  readForeign,
  type Term,
  Tuple,
} from '../../src/etf/index.ts';
import { printLines } from '../../src/qa/formats/erlang-lines.ts';
import { mutations, terms } from '../unit/etf/arbitrary.ts';

/** Both directions against a running Erlang, thousands of terms through one process. */

const script = fileURLToPath(new URL('erlang.escript', import.meta.url));

/** Terms that Erlang reads and we refuse: see "Stricter than Erlang" in src/etf/README.md. */
const differences = new Set(['trailing_bytes', 'bad_list', 'unknown_tag 73', 'unknown_tag 75']);

class Peer {
  private readonly process: ChildProcess = spawn('escript', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  private readonly waiting: ((answer: Buffer) => void)[] = [];
  private received = Buffer.alloc(0);

  constructor() {
    this.process.stdout?.on('data', (chunk: Buffer) => this.receive(chunk));
  }

  private receive(chunk: Buffer): void {
    const bytes = Buffer.concat([this.received, chunk]);
    let at = 0;
    while (bytes.length - at >= 4 && bytes.length - at - 4 >= bytes.readUInt32BE(at)) {
      const end = at + 4 + bytes.readUInt32BE(at);
      this.waiting.shift()?.(bytes.subarray(at + 4, end));
      at = end;
    }
    this.received = bytes.subarray(at);
  }

  ask(command: 'r' | 'p' | 't' | 's' | 'g', body: Uint8Array): Promise<Buffer> {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length + 1);
    head[4] = command.charCodeAt(0);
    const answer = new Promise<Buffer>((resolve) => this.waiting.push(resolve));
    this.process.stdin?.write(Buffer.concat([head, body]));
    return answer;
  }

  async stop(): Promise<void> {
    const exit = once(this.process, 'exit');
    this.process.stdin?.end();
    await exit;
  }
}

/** What Erlang may write differently: a map in its own order, a float of the old encoding. */
function normal(term: Term): Term {
  if (term instanceof Tuple) return new Tuple(term.elements.map(normal));
  if (term instanceof ImproperList) return new ImproperList(term.elements.map(normal), normal(term.tail));
  if (Array.isArray(term)) return term.map(normal);
  if (!(term instanceof Foreign)) return term;
  const value = readForeign(term);
  if (value.kind === 'float') return float(value.value);
  if (value.kind !== 'map') return term;
  const pairs = value.pairs.map(([key, item]) => [normal(key), normal(item)] as const);
  return map(pairs.sort(([a], [b]) => Buffer.compare(encode(a), encode(b))));
}

function holdsForeign(term: Term): boolean {
  if (term instanceof Foreign) return true;
  if (term instanceof Tuple) return term.elements.some(holdsForeign);
  if (term instanceof ImproperList) return term.elements.some(holdsForeign) || holdsForeign(term.tail);
  return Array.isArray(term) && term.some(holdsForeign);
}

describe('Erlang/OTP', () => {
  let peer: Peer;
  before(() => {
    peer = new Peer();
  });
  after(() => peer.stop());

  test('reads 20,000 random terms correctly, and writes the same bytes', async () => {
    const sample: Term[] = fc.sample(terms, { numRuns: 20_000, seed: 131 });
    for (const length of [255, 256, 65_535, 65_536]) sample.push(new Array<Term>(length).fill(97));
    for (const length of [255, 256]) sample.push(new Tuple(new Array<Term>(length).fill([])));
    const answers = await Promise.all(sample.map((term) => peer.ask('r', encode(term))));
    let identical = 0;
    for (const [index, term] of sample.entries()) {
      const answer = answers[index]!;
      assert.equal(answer[0], 1, `Erlang refuses ${print(term)}`);
      const message = answer.subarray(1);
      assert.ok(equal(normal(decode(message)), normal(term)), print(term));
      if (holdsForeign(term)) continue;
      assert.deepEqual(message, encode(term), print(term));
      identical++;
    }
    assert.ok(identical > 10_000, `only ${identical} compared byte for byte`);
  });

  test('generates 20,000 random terms, in all versions of the format, that are read and printed alike', async () => {
    const seeds = Array.from({ length: 20_000 }, (_, seed) => {
      const body = Buffer.alloc(4);
      body.writeUInt32BE(seed);
      return body;
    });
    const answers = await Promise.all(seeds.map((seed) => peer.ask('g', seed)));
    const again = await Promise.all(
      answers.map((answer) => peer.ask('r', encode(decode(answer.subarray(4, 4 + answer.readUInt32BE(0)))))),
    );
    for (const [index, answer] of answers.entries()) {
      const end = 4 + answer.readUInt32BE(0);
      const term = decode(answer.subarray(4, end));
      const text = answer.toString('utf8', end);
      assert.equal(print(term), text);
      // A pid may return in a newer encoding, so terms with foreign parts are compared as text.
      const back = decode(again[index]!.subarray(1));
      assert.equal(print(back), text);
      assert.ok(holdsForeign(term) || equal(back, term), text);
    }
  });

  test('prints 5,000 random terms as we do, and reads our text', async () => {
    const sample = fc.sample(terms, { numRuns: 5_000, seed: 80 });
    for (const term of sample) {
      // Printed in Erlang's order of keys, so the term is sent through Erlang first.
      const message = (await peer.ask('r', encode(term))).subarray(1);
      const text = print(decode(message));
      const [printed, parsed] = await Promise.all([peer.ask('p', message), peer.ask('s', Buffer.from(text))]);
      assert.equal(text, printed.toString('utf8'));
      assert.equal(parsed[0], 1, `Erlang cannot read ${text}`);
      assert.ok(equal(normal(decode(parsed.subarray(1))), normal(decode(message))), text);
      assert.ok(equal(normal(parse(text)), normal(decode(message))), text);
    }
  });

  test('formats 5,000 random terms with ~tp, over any number of lines, and we read them', async () => {
    const sample = fc.sample(terms, { numRuns: 5_000, seed: 1986 });
    const messages = sample.map((term) => encode(term));
    const texts = await Promise.all(messages.map((message) => peer.ask('t', message)));
    let broken = 0;
    for (const [index, term] of sample.entries()) {
      const text = texts[index]!.toString('utf8');
      if (text.includes('\n')) broken++;
      assert.ok(equal(normal(parse(text)), normal(term)), text);
      assert.ok(equal(normal(parse(printLines(term))), normal(term)), text);
    }
    assert.ok(broken > 500, `only ${broken} have more than one line`);
  });

  test('accepts what we accept and refuses what we refuse, of 20,000 damaged messages', async () => {
    const sample = fc.sample(fc.tuple(terms, mutations), { numRuns: 20_000, seed: 99 });
    const messages = sample.map(([term, mutate]) => mutate(encode(term)));
    const answers = await Promise.all(messages.map((message) => peer.ask('r', message)));
    const seen = { accepted: 0, refused: 0 };
    for (const [index, message] of messages.entries()) {
      const ours = outcome(message);
      if (differences.has(ours)) continue;
      const theirs = answers[index]![0] === 1 ? 'accepted' : 'refused';
      assert.equal(ours === 'accepted' ? ours : 'refused', theirs, `${ours}: ${message.join()}`);
      seen[theirs]++;
    }
    assert.ok(seen.accepted > 1_000 && seen.refused > 1_000, JSON.stringify(seen));
  });
});

/** `accepted`, or why not, with the unknown tag. */
function outcome(message: Uint8Array): string {
  try {
    decode(message);
    return 'accepted';
  } catch (error) {
    assert.ok(error instanceof EtfError);
    return error.reason === 'unknown_tag' ? `unknown_tag ${message[error.offset]}` : error.reason;
  }
}
