/** What every input must keep, whatever it holds. */

import { encodeFragment, type Fragment, listElements, tupleElements } from '../../src/etf/index.ts';
import { withNews } from '../../src/protocol/contact.ts';

/** A promise that an input breaks. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** News changes one or two elements of a contact, and leaves all others as they are. */
export function mustKeepElements(before: Fragment): void {
  const after = tupleElements(withNews(before, news, 'auto'));
  const kept = tupleElements(before)?.filter(
    (each, index) => Buffer.compare(each, after?.[index] ?? noBytes) === 0,
  );
  if (after?.length !== 15 || (kept?.length ?? 0) < 13) throw new Broken('news changed another element');
}

const news = { update: encodeFragment(1), presence: encodeFragment([]) };
const noBytes = new Uint8Array();

export function mustBeList(fragment: Fragment, max: number): void {
  const count = listElements(fragment)?.length;
  if (count === undefined || count > max) throw new Broken('services that were kept are no list');
}
