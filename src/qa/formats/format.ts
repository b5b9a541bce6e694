/** What a payload is written in. */
export type Format = 'etf' | 'erlang' | 'json' | 'hex' | 'base64';

/** A payload that was read: the term as an ETF message; or why not, in a sentence for people. */
export type ReadResult = { readonly format: Format } & (
  | { readonly message: Uint8Array; readonly reason?: undefined }
  | { readonly message?: undefined; readonly reason: string }
);

/** Text that is not written as it should be. The message says where and why. */
export class UnreadableText extends Error {
  override readonly name = 'UnreadableText';
}

/** `line 2, column 7` of an offset in a text; both count from 1. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `line ${before.split('\n').length}, column ${offset - before.lastIndexOf('\n')}`;
}
