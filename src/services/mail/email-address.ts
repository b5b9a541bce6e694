import { domainToASCII, domainToUnicode } from 'node:url';
import isEmail from 'validator/lib/isEmail.js';

/** RFC 5321 4.5.3.1.3: a path is 256 octets with its angle brackets. */
const maxAddressInBytes = 254;

/**
 * Controls, format characters (zero width, right-to-left overrides), lone surrogates, separators, and whatever else a reader
 * does not see: the combining grapheme joiner, variation selectors, Hangul fillers, the Braille blank, an empty notehead.
 * @see Unicode Standard 5.21, "Default Ignorable Code Points"
 */
const invisible = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u2800\u{1d159}]/u;

/** The ASCII of a host name, and any non-ASCII. `domainToASCII` alone would read `%41` as `A` and stop at `/`. */
const domainShape = /^[a-z0-9.\u0080-\u{10ffff}-]+$/iu;

/**
 * Read one bare e-mail address, internationalised or not; never throws.
 *
 * One mailbox gets one spelling. Spaces around it are dropped; the domain becomes lower case and readable (`приклад.укр`,
 * not `xn--…`). The local part keeps its case and gets Unicode form NFC.
 * @param text - what a client sent.
 * @returns the address, at most 254 bytes of UTF-8 and in its form on the wire; `undefined` for anything else, also
 * for lists, display names, comments, angle brackets, quoted local parts, address literals, domains of one label.
 * @see RFC 5321 4.1.2, RFC 6531 3.3, UTS #46
 */
export function parseEmailAddress(text: string): string | undefined {
  if (text.length > maxAddressInBytes) return undefined;
  const trimmed = text.replace(/^ +| +$/g, '').normalize('NFC');
  if (invisible.test(trimmed)) return undefined;

  const at = trimmed.lastIndexOf('@');
  const local = trimmed.slice(0, at);
  // A mail server may fold a compatibility character, such as the wide ＠ or ，, to the plain one.
  if (at < 1 || local.normalize('NFKC') !== local) return undefined;

  const domain = readableDomain(trimmed.slice(at + 1));
  if (domain === undefined || invisible.test(domain)) return undefined;
  const address = `${local}@${domain}`;
  if (Buffer.byteLength(address) > maxAddressInBytes) return undefined;
  return isEmail(asciiDomainForm(address), { blacklisted_chars: '"' }) ? address : undefined;
}

/**
 * The address with its domain in ASCII (`xn--…`), for DNS and servers without SMTPUTF8.
 * @param address - a result of {@link parseEmailAddress}.
 */
export function asciiDomainForm(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1))}`;
}

/**
 * Read the sender of mails as an operator writes it: `no-reply@example.org` or `Example <no-reply@example.org>`.
 * @returns `undefined` unless the address is one that {@link parseEmailAddress} reads and the name is one line.
 */
export function parseSender(text: string): { name: string; address: string } | undefined {
  const named = /^\s*("?)([^"<>]*?)\1\s*<([^<>]*)>\s*$/.exec(text);
  const name = named?.[2] ?? '';
  const address = parseEmailAddress(named?.[3] ?? text);
  return address === undefined || /\p{Cc}/u.test(name) ? undefined : { name, address };
}

/** The one spelling of a domain; `undefined` without a readable form, or if that form names another domain. */
function readableDomain(domain: string): string | undefined {
  if (!domainShape.test(domain)) return undefined;
  const ascii = domainToASCII(domain);
  const readable = domainToUnicode(ascii);
  // A label that stays in ASCII form is invalid Punycode. Node 20 refuses such a domain, Node 24 returns it unchanged.
  const isRead = ascii !== '' && !/(^|\.)xn--/.test(readable);
  return isRead && domainToASCII(readable) === ascii ? readable : undefined;
}
