import type { Json } from './formats/json-write.ts';

/** How many contacts or rosters of a long list are shown. */
const shownElements = 10;
/** A binary of a profile that is summed up is cut at so many characters. */
const shownCharacters = 200;

/**
 * A term in JSON that is too long to read, summed up: of each long list the first ten elements and how many there are, of a
 * `userlist` as `contacts`; of each long text the beginning.
 */
export function summedUp(json: Json): Json {
  if (typeof json === 'string')
    return json.length > shownCharacters ? `${json.slice(0, shownCharacters)}…` : json;
  if (Array.isArray(json)) return json.slice(0, shownElements).map(summedUp);
  if (typeof json !== 'object') return json;
  return Object.fromEntries(
    Object.entries(json).flatMap(([name, value]): [string, Json][] => {
      const isLong = Array.isArray(value) && value.length > shownElements;
      const count: [string, Json][] = isLong ? [[countNames[name] ?? `${name} in all`, value.length]] : [];
      return [...count, [name, summedUp(value)]];
    }),
  );
}

const countNames: Readonly<Record<string, string>> = { userlist: 'contacts' };
