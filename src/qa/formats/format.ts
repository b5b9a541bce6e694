/** The format of a payload. */
export type Format = 'etf' | 'erlang' | 'json' | 'hex' | 'base64';

/** The result of reading a payload: the term as an ETF message, or a sentence with the reason. */
export type ReadResult = { readonly format: Format } & (
  | { readonly message: Uint8Array; readonly reason?: undefined }
  | { readonly message?: undefined; readonly reason: string }
);

/** A syntax error in a text. The message gives its place and the reason. */
export class UnreadableText extends Error {
  override readonly name = 'UnreadableText';
}

/** `line 2, column 7` of an offset in a text; both count from 1. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `line ${before.split('\n').length}, column ${offset - before.lastIndexOf('\n')}`;
}
