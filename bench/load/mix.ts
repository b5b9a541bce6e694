import { type RequestKind, requestKinds } from '../../src/handlers/index.ts';

/** The proportions of the requests; the weights may have any sum. */
export type Mix = ReadonlyMap<RequestKind, number>;

/** `get` is nine of ten in the field; all others occur too, and a kind without an entry is rare. */
const usualWeights: Readonly<Partial<Record<RequestKind, number>>> = {
  get: 89.5,
  set: 3.5,
  update: 4,
  link: 0.4,
  email: 0.4,
  aws: 1,
  remove: 0.1,
  init: 0.5,
  migrate: 0.3,
  phone: 0.3,
};

const rareWeight = 0.1;

export const usualMix = requestKinds.map((kind) => `${kind}=${usualWeights[kind] ?? rareWeight}`).join(',');

/**
 * Reads `get=90,set=4,…`.
 * @throws Error that names the fault.
 */
export function parseMix(text: string): Mix {
  const mix = new Map<RequestKind, number>();
  for (const part of text.split(',')) {
    const [, name = '', weight = ''] = /^\s*(\w+)=(\d+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    const kind = requestKinds.find((known) => known === name);
    if (kind === undefined)
      throw new Error(`${part} is not KIND=WEIGHT, with a kind of ${requestKinds.join(', ')}`);
    mix.set(kind, Number(weight));
  }
  if (![...mix.values()].some((weight) => weight > 0)) throw new Error('a mix needs a weight above 0');
  return mix;
}

/** Chooses a kind by the weights. @param random - uniform in [0, 1). */
export function chooseKind(mix: Mix, random: number): RequestKind {
  const total = [...mix.values()].reduce((sum, weight) => sum + weight, 0);
  let left = random * total;
  let last: RequestKind = 'get';
  for (const [kind, weight] of mix) {
    if (weight === 0) continue;
    if (left < weight) return kind;
    left -= weight;
    last = kind;
  }
  return last;
}
