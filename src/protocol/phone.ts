import type { Fragment } from '../etf/index.ts';
import { isUnset, readInteger, readText } from './fields.ts';

const phone = /^\d{5,15}$/;

/**
 * Reads a phone: a binary, a list of characters or an integer. Drops one leading `+`.
 * @returns 5 to 15 digits, or `undefined`: phones become part of topics, keys and role session names, so nothing else
 *   passes.
 * @see docs/protocol.md, "Phones"
 */
export function readPhone(fragment: Fragment): string | undefined {
  const plain = plainDigits(fragment);
  if (plain !== undefined) return plain;
  const text = readText(fragment) ?? integerText(fragment);
  if (text === undefined) return undefined;
  const digits = text.startsWith('+') ? text.slice(1) : text;
  return phone.test(digits) ? digits : undefined;
}

/**
 * Splits a `phone_id`, which is `<phone>_<roster id>`.
 * @returns `undefined` for any other form; such a contact has no counterparty.
 */
export function splitPhoneId(phoneId: string): { phone: string; roster: string } | undefined {
  const cut = phoneId.indexOf('_');
  if (cut < 0) return undefined;
  const digits = phoneId.slice(0, cut);
  return phone.test(digits) ? { phone: digits, roster: phoneId.slice(cut + 1) } : undefined;
}

const BINARY_EXT = 109;
const BINARY_HEAD = 5;

/** Reads digits in a binary without the decoder; nearly all phones come so. */
function plainDigits(fragment: Fragment): string | undefined {
  const length = fragment.length - BINARY_HEAD;
  if (fragment[0] !== BINARY_EXT || length < 5 || length > 15) return undefined;
  for (let at = BINARY_HEAD; at < fragment.length; at++) {
    const character = fragment[at] ?? 0;
    if (character < ZERO || character > NINE) return undefined;
  }
  return Buffer.from(fragment.buffer, fragment.byteOffset + BINARY_HEAD, length).toString('latin1');
}

const ZERO = 48;
const NINE = 57;

/** Accepts exact numbers only: the largest phone is below 2^53, and printing a huge integer takes seconds. */
function integerText(fragment: Fragment): string | undefined {
  const value = isUnset(fragment) ? undefined : readInteger(fragment);
  return typeof value === 'number' ? String(value) : undefined;
}
