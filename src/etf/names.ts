/**
 * The characters of atoms' names, in UTF-8 or Latin-1.
 *
 * Names are short, and one message may hold tens of thousands of them. A call into Node for each would take longer
 * than all the rest of the message.
 */

/** Counts the characters of these bytes; -1 if they are not UTF-8 (RFC 3629). */
export function countCharacters(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; count++) {
    const size = sequenceSize(bytes[at]!);
    if (size === 0 || at + size > end) return -1;
    for (let i = 1; i < size; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return -1;
    if (size > 2 && !isShortest(bytes[at]!, bytes[at + 1]!)) return -1;
    at += size;
  }
  return count;
}

/** The length of the character that starts with this byte; 0 if none does. */
function sequenceSize(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

/** Checks the second byte of a character: no overlong form, no surrogate, nothing above U+10FFFF. */
function isShortest(first: number, second: number): boolean {
  if (first === 0xe0) return second >= 0xa0;
  if (first === 0xed) return second < 0xa0;
  if (first === 0xf0) return second >= 0x90;
  return first !== 0xf4 || second < 0x90;
}

/** The text of bytes that `countCharacters` accepted. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; ) {
    const first = bytes[at]!;
    const size = sequenceSize(first);
    let code = size === 1 ? first : first & (0x7f >> size);
    for (let i = 1; i < size; i++) code = (code << 6) | (bytes[at + i]! & 0x3f);
    text += String.fromCodePoint(code);
    at += size;
  }
  return text;
}

/** The text of bytes that are one character each. */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
