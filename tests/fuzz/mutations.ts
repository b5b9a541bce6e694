/** Makes inputs from others: the fuzzer's changes of bytes. */
import type { Rng } from '../harness/rng.ts';

export const LONGEST = 4_096;
/** The longest payload that a worker reads. */
const LARGEST = 262_144;

/** Sizes and counts at which readers go wrong. */
const numbers = [
  0, 1, 2, 127, 128, 254, 255, 256, 32_767, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

type Mutation = (input: Buffer, rng: Rng, words: readonly Uint8Array[]) => Buffer;

const splice = (input: Buffer, at: number, drop: number, put: Uint8Array): Buffer =>
  Buffer.concat([input.subarray(0, at), put, input.subarray(at + drop)]);

const range = (input: Buffer, rng: Rng): [at: number, length: number] => {
  const at = rng.below(input.length + 1);
  return [at, rng.below(Math.min(64, input.length - at) + 1)];
};

const mutations: readonly Mutation[] = [
  // a bit, a byte
  (input, rng) => {
    const copy = Buffer.from(input);
    const at = rng.below(copy.length);
    if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << rng.below(8));
    return copy;
  },
  (input, rng) => splice(input, rng.below(input.length + 1), 1, Buffer.of(rng.below(256))),
  // a size of one, two or four bytes
  (input, rng) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(rng.pick(numbers));
    const part = bytes.subarray(rng.pick([0, 2, 3]));
    return splice(input, rng.below(input.length + 1), rng.is(0.5) ? part.length : 0, part);
  },
  // something meaningful
  (input, rng, words) => splice(input, rng.below(input.length + 1), rng.below(9), rng.pick(words)),
  (input, rng, words) => splice(input, rng.below(input.length + 1), 0, rng.pick(words)),
  // a part removed, doubled, elsewhere
  (input, rng) => {
    const [at, length] = range(input, rng);
    return splice(input, at, length, Buffer.alloc(0));
  },
  (input, rng) => {
    const [at, length] = range(input, rng);
    return splice(input, at, 0, input.subarray(at, at + length));
  },
  (input, rng) => {
    const [at, length] = range(input, rng);
    return splice(input, rng.below(input.length + 1), length, input.subarray(at, at + length));
  },
];

/** Makes an input from a kept one, and perhaps a part of another one. */
export function mutate(input: Buffer, other: Buffer, words: readonly Uint8Array[], rng: Rng): Buffer {
  let made = input;
  for (let count = 1 + rng.below(4); count > 0; count--) made = rng.pick(mutations)(made, rng, words);
  if (rng.is(0.1)) {
    const [at, length] = range(other, rng);
    made = splice(made, rng.below(made.length + 1), 0, other.subarray(at, at + 4 * length));
  }
  // Rare, because it takes long: repeats one part until the message has the largest size.
  if (rng.is(0.0002) && made.length > 0 && made.length < LARGEST) {
    const [at] = range(made, rng);
    const part = made.subarray(at, at + 1 + rng.below(16));
    if (part.length > 0) return splice(made, at, 0, Buffer.alloc(LARGEST - made.length, part));
  }
  return made.subarray(0, LONGEST);
}
