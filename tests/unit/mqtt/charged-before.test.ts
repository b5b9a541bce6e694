/** Which of the deliveries that come again were charged before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IPublishPacket } from 'mqtt';
import { type Charged, ChargedBefore } from '../../../src/mqtt/charged-before.ts';

function open(receiveMaximum: number) {
  const before = new ChargedBefore(receiveMaximum);
  const packet = (messageId: number, dup: boolean) => ({ messageId, dup }) as IPublishPacket;
  return {
    before,
    first: (id: number): Charged => before.of(packet(id, false), false),
    again: (id: number, dup = true): Charged => before.of(packet(id, dup), true),
    skipFirst: (id: number) => before.passedOver(packet(id, false), false),
    skipAgain: (id: number) => before.passedOver(packet(id, true), true),
  };
}

test('of what another worker left, as many are taken for charged as it had in work', () => {
  const { before, first, again } = open(2);
  before.connected(true);
  assert.deepEqual(
    [again(1), again(2, false), again(3), again(4, false)],
    ['yes', 'yes', 'perhaps', 'perhaps'],
  );
  assert.equal(first(5), 'no');
});

test('what was passed over when it was new is new when it comes again, once and however often it was passed over', () => {
  const { before, again, skipFirst, skipAgain } = open(1);
  before.connected(false);
  skipFirst(7);
  before.connected(true);
  skipAgain(7);
  before.connected(true);
  assert.equal(again(7), 'no');
  assert.equal(again(7), 'yes');
});

test('what another worker may have charged is not new because this one passes it over', () => {
  const { before, again, skipAgain } = open(0);
  before.connected(true);
  skipAgain(7);
  before.connected(true);
  assert.equal(again(7), 'perhaps');
});

test('on a connection that fetches what was passed over, what has no DUP is new; not on the one after it', () => {
  const { before, again } = open(1);
  before.fetchNext();
  before.connected(true);
  assert.deepEqual([again(1, false), again(2)], ['no', 'yes']);
  before.connected(true);
  assert.equal(again(3, false), 'yes');
});

test('a lost session ends what is known of its packet ids', () => {
  const { before, again, skipFirst } = open(1);
  skipFirst(7);
  before.connected(false);
  assert.equal(again(7), 'yes');
});
