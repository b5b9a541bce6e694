import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atom, ImproperList, type Term } from '../../../src/etf/index.ts';
import {
  addressOf,
  readService,
  readServices,
  replaceVoxServices,
  type Service,
  withEmail,
} from '../../../src/protocol/service.ts';
import { record, service } from '../../harness/terms.ts';
import { atomEncodings, foreignTerms, fragment } from './bytes.ts';

for (const type of ['email', 'vox', 'aws'] as const) {
  for (const [encoding, term] of atomEncodings(type)) {
    test(`a service of type ${type} is read from ${encoding}, and kept with ATOM_EXT`, () => {
      const read = readService(fragment(service({ id: 'a', type: term })));
      assert.equal(read?.type, type);
      assert.deepEqual(read?.fragment, fragment(service({ id: 'a', type: atom(type) })));
    });
  }
}

test('a type that is [] or undefined is unset', () => {
  for (const type of [[] as Term, atom('undefined')]) {
    const read = readService(fragment(service({ type })));
    assert.ok(read !== undefined && read.type === undefined);
  }
});

for (const [name, term] of Object.entries(foreignTerms)) {
  test(`${name} as data comes back byte for byte`, () => {
    const sent = fragment(service({ type: atom('vox'), data: term }));
    assert.deepEqual(readService(sent)?.fragment, sent);
  });
}

for (const [name, term] of Object.entries<Term>({
  'an unknown type': service({ type: atom('fax') }),
  'a type that is a binary': service({ type: 'email' }),
  '7 elements': record('Service', ...Array<[]>(6).fill([])),
  '9 elements': record('Service', ...Array<[]>(8).fill([])),
  'another tag': record('Server', ...Array<[]>(7).fill([])),
})) {
  test(`a service of ${name} is refused`, () => {
    assert.equal(readService(fragment(term)), undefined);
    assert.equal(readServices(fragment([service({}), term])), undefined);
  });
}

test('an unset list is empty; an improper one is not a list', () => {
  assert.deepEqual(readServices(fragment(atom('undefined'))), []);
  assert.equal(readServices(fragment(new ImproperList([service({})], 1))), undefined);
});

test('after a set the vox services are the sent ones and all others the stored ones, each in their order', () => {
  const services = fc.array(fc.tuple(fc.constantFrom('email', 'vox', 'aws'), fc.string({ maxLength: 3 })));
  const read = (pairs: [string, string][]) =>
    readServices(fragment(pairs.map(([type, id]) => service({ id, type: atom(type) })))) ?? [];
  fc.assert(
    fc.property(services, services, (stored, sent) => {
      const result = replaceVoxServices(read(stored), read(sent));
      const of = (isVox: boolean, list: typeof result) =>
        list.filter(({ type }) => (type === 'vox') === isVox).map((one) => one.fragment);
      assert.deepEqual(of(false, result), of(false, read(stored)));
      assert.deepEqual(of(true, result), of(true, read(sent)));
    }),
  );
});

const emails = (services: readonly Pick<Service, 'fragment'>[], status: string) =>
  services.flatMap(({ fragment: bytes }) => {
    const read = readService(bytes);
    const isMeant = read && Buffer.compare(read.status, fragment(atom(status))) === 0;
    return isMeant ? [addressOf(read)] : [];
  });

test('of the addresses that wait for their codes the newest five stay; all others stay for good', () => {
  const own = service({ id: 'vox', type: atom('vox'), status: atom('added') });
  const verified = service({ id: 'ok@example.org', type: atom('email'), status: atom('verified') });
  let services = readServices(fragment([own, verified])) ?? [];
  const names = Array.from({ length: 20 }, (_, index) => `${index}@example.org`);
  for (const name of names)
    services = withEmail(services, name, 'added').flatMap(({ fragment: bytes }) => readService(bytes) ?? []);
  assert.deepEqual(emails(services, 'added'), [undefined, ...names.slice(-5)]);
  assert.deepEqual(emails(services, 'verified'), ['ok@example.org']);
  const confirmed = withEmail(services, '19@example.org', 'verified');
  assert.equal(confirmed.length, services.length);
  assert.deepEqual(emails(confirmed, 'verified'), ['ok@example.org', '19@example.org']);
});
