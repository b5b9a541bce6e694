// One codec in a process of its own, so that what V8 learnt from one does not slow the next. See ../../etf.ts.
//   argument: the codec's name in codecs.ts
//   line in:  decode|encode|echo ITERATIONS MESSAGE-IN-BASE64
//   line out: microseconds for one iteration; for echo, the message decoded and encoded again; `none` if it can't
import { createInterface } from 'node:readline';
import { codecs } from './codecs.ts';

const codec = codecs[process.argv[2] ?? '']?.();
if (codec === undefined) throw new Error('there is no such codec');

const { decode, encode } = codec;
// The results must look used to the compiler.
let kept: unknown;

function measure(iterations: number, run: () => unknown): string {
  const start = process.hrtime.bigint();
  for (let i = 0; i < iterations; i++) kept = run();
  const nanoseconds = Number(process.hrtime.bigint() - start);
  return String(kept === codec ? Number.NaN : nanoseconds / 1_000 / iterations);
}

function answer(task: string, iterations: number, message: Buffer): string {
  if (task === 'decode') return measure(iterations, () => decode(message));
  if (encode === undefined) return 'none';
  const value = decode(message);
  if (task === 'echo') return Buffer.from(encode(value)).toString('base64');
  return measure(iterations, () => encode(value));
}

for await (const line of createInterface({ input: process.stdin })) {
  const [task = '', iterations = '', message = ''] = line.split(' ');
  process.stdout.write(`${answer(task, Number(iterations), Buffer.from(message, 'base64'))}\n`);
}
