import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { domainOf, mailboxOf } from '../../../src/protocol/mailbox.ts';
import { parseEmailAddress } from '../../../src/services/mail/email-address.ts';

const mailboxes: [address: string, mailbox: string][] = [
  ['ann@example.org', 'ann@example.org'],
  ['ann+1@example.org', 'ann@example.org'],
  ['ann+1+2@example.org', 'ann@example.org'],
  ['ann+@example.org', 'ann@example.org'],
  ['a.n.n@example.org', 'ann@example.org'],
  ['A.nN+Tag@Example.ORG', 'ann@example.org'],
  ['ann@xn--80aikifvh.xn--j1amh', 'ann@приклад.укр'],
  ['ann@faß.de', 'ann@faß.de'],
  ['ΟΔΟΣ@example.org', 'οδος@example.org'],
  ['οδοσ@example.org', 'οδος@example.org'],
  // The part before the tag is the mailbox; without such a part, all of it is.
  ['+ann@example.org', '+ann@example.org'],
  ['++ann@example.org', '+@example.org'],
  // Other characters are part of people's names, and other domains may belong to other people.
  ['mary-ann@example.org', 'mary-ann@example.org'],
  ['mary_ann@example.org', 'mary_ann@example.org'],
  ['ann@mail.example.org', 'ann@mail.example.org'],
];

for (const [address, mailbox] of mailboxes) {
  test(`${address} counts as ${mailbox}`, () => {
    assert.equal(mailboxOf(parseEmailAddress(address) ?? assert.fail()), mailbox);
  });
}

test('property: no tag, dot or case makes another mailbox, a mailbox counts as itself, and the domain stays', () => {
  const tag = fc.string({ unit: fc.constantFrom(...'abz019.+-_') });
  fc.assert(
    fc.property(fc.emailAddress(), tag, fc.nat(), (text, more, at) => {
      const address = parseEmailAddress(text);
      if (address === undefined) return;
      const mailbox = mailboxOf(address);
      const cut = address.lastIndexOf('@');
      const [local, domain] = [address.slice(0, cut), address.slice(cut)];
      const dotted = 1 + (at % local.length);
      assert.equal(mailboxOf(`${local}+${more}${domain}`), mailbox);
      assert.equal(mailboxOf(`${local.slice(0, dotted)}.${local.slice(dotted)}${domain}`), mailbox);
      assert.equal(mailboxOf(local.toUpperCase() + domain), mailbox);
      assert.equal(mailboxOf(mailbox), mailbox);
      assert.ok(mailbox.endsWith(domain) && domain === `@${domainOf(address)}`);
    }),
  );
});
