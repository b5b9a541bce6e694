import type { ContactEntry } from '../protocol/roster.ts';
import { type ContactPlace, contactField, earlierField } from './contacts.ts';
import type { BatchedReads } from './redis/batched-reads.ts';
import type { Database } from './redis/database.ts';

/** A field of a hash. */
type Field = readonly [key: string, field: string];

/** So many bytes are read for each of many places; `undefined` where there is no contact. */
export type Sizes = readonly (number | undefined)[];

/** How large contacts are, so that a reader of many need not hold more of them than it has room for. */
export function openContactSizes({ keys }: Database, reads: BatchedReads) {
  /** One command for all: a HSTRLEN of its own for each would cost a worker as much as reading a small contact. */
  const measure = async (places: readonly (readonly Field[])[]): Promise<Sizes> => {
    const all = places.flat();
    const lengths = await reads.read(
      'l'.repeat(all.length),
      all.map(([key]) => key),
      (values, at) => values.slice(at, at + all.length),
      all.map(([, field]) => field),
    );
    let at = 0;
    return places.map((fields) => {
      const found = lengths.slice(at, at + fields.length).filter((length) => typeof length === 'number');
      at += fields.length;
      return found.length === 0 ? undefined : found.reduce((sum, length) => sum + length, 0);
    });
  };

  const fieldsOf = (phone: string, entry: ContactEntry): Field[] =>
    [contactField(entry), earlierField(entry)].flatMap((field) =>
      field === undefined ? [] : [[keys.contacts(phone), field]],
    );

  return {
    /** What `changeAll` reads. What cannot be read counts as 0: its reader hears why. */
    ofChanges: (places: readonly ContactPlace[]): Promise<Sizes> =>
      measure(places.map(({ phone, entry }) => fieldsOf(phone, entry))),
    /** What `renameAll` reads, where one phone's places are renamed together: its roster skeletons count for the first. */
    async ofRenames(
      places: readonly ContactPlace[],
      newPhoneIdOf: (index: number) => string,
    ): Promise<Sizes> {
      const contacts = await measure(
        places.map(({ phone, entry }, index) => [
          ...fieldsOf(phone, entry),
          ...fieldsOf(phone, { ...entry, phoneId: newPhoneIdOf(index) }),
        ]),
      );
      const counted = new Set<string>();
      const skeletons = await measure(
        places.map(({ phone }, index): Field[] => {
          if (contacts[index] === undefined || counted.has(phone)) return [];
          counted.add(phone);
          return [[keys.profile(phone), 'outlines']];
        }),
      );
      return contacts.map((bytes, index) =>
        bytes === undefined ? undefined : bytes + (skeletons[index] ?? 0),
      );
    },
  };
}
