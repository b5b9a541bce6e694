/**
 * The form of an address under which limits count it, since one mailbox has many spellings.
 *
 * The local part loses its subaddress (`+tag`), its dots, which Gmail ignores, and its case. Two people at a strict
 * server may share a count. So use this for limits only: it does not identify the owner of an address.
 * @param address - as `parseEmailAddress` returns it: the domain has one spelling already.
 * @see RFC 5233
 */
export function mailboxOf(address: string): string {
  const at = address.lastIndexOf('@');
  const [user = ''] = /^.[^+]*/u.exec(address.slice(0, at)) ?? [];
  // By capitals first: both forms of the small sigma have one capital.
  return user.replaceAll('.', '').toUpperCase().toLowerCase() + address.slice(at);
}

/** @param address - as `parseEmailAddress` returns it. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
