import type { Sizes } from '../store/contact-sizes.ts';
import { type Changes, type Counterparty, noticesFor } from './counterparties.ts';
import type { Notice } from './outcome.ts';

/** So many counterparties are looked at together. */
const batchSize = 64;

/** Entries of so many bytes are read, changed and notified at a time; a larger one goes alone. Usual ones fit as a batch. */
const groupBytes = 256 * 1024;

/** Counterparties that are read, changed and notified at a time. */
export interface Group {
  /** What their entries have, before any of them is read. */
  readonly bytes: number;
  /** Changes their entries. */
  readonly notices: () => Promise<readonly Notice[]>;
  /** The name of the last one. */
  readonly last: string;
  /** Whether there are more after it. */
  readonly isMore: boolean;
}

/**
 * Cuts counterparties into groups, by the bytes of the entries: one may be as large as a profile. The length of an entry costs
 * less than the entry, so a stranger, who has none, is not read.
 */
export async function* inGroups(
  all: readonly Counterparty[],
  { sizes, change, told }: Changes,
): AsyncGenerator<Group, void> {
  for (let from = 0; from < all.length; from += batchSize) {
    const batch = all.slice(from, from + batchSize);
    const ofBatch = await sizes(batch);
    for (let begin = 0; begin < batch.length; ) {
      const { bytes, end } = groupAt(begin, ofBatch);
      const holders = batch.slice(begin, end).filter((_, index) => ofBatch[begin + index] !== undefined);
      const notices = () => noticesFor(holders, change, told);
      yield { bytes, notices, last: batch[end - 1]?.name ?? '', isMore: from + end < all.length };
      begin = end;
    }
  }
}

/** The group that begins there. */
function groupAt(begin: number, sizes: Sizes): { readonly bytes: number; readonly end: number } {
  let bytes = 0;
  for (let end = begin; end < sizes.length; end++) {
    const more = sizes[end] ?? 0;
    if (bytes > 0 && bytes + more > groupBytes) return { bytes, end };
    bytes += more;
  }
  return { bytes, end: sizes.length };
}
