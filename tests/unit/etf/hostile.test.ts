import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, EtfError, openMessage } from '../../../src/etf/index.ts';
import { unitsOf } from '../../harness/calibration.ts';
import { accepted, binary, hex, message, refused, times, zipped } from './hostile-messages.ts';

/**
 * No message may take 20 ms, which is two units. On a busy machine the collector of garbage has less of it than the unit:
 * 6.5 were seen there. What grows with the square of a message takes hundreds.
 */
const MAX_UNITS = 12;

function outcome(read: () => unknown): string {
  try {
    read();
    return 'accepted';
  } catch (error) {
    assert.ok(error instanceof EtfError, String(error));
    return error.reason;
  }
}

function checkWork(bytes: Uint8Array): void {
  for (const read of [decode, openMessage]) {
    const units = unitsOf(() => outcome(() => read(bytes)), MAX_UNITS);
    assert.ok(units < MAX_UNITS, `${read.name} takes ${units.toFixed(1)} units`);
  }
}

describe('a hostile message', () => {
  for (const [name, [bytes, reason]] of Object.entries(refused)) {
    test(`${name} is refused at once: ${reason}`, () => {
      for (const read of [decode, openMessage])
        assert.equal(
          outcome(() => read(bytes)),
          reason,
        );
      checkWork(bytes);
    });
  }

  for (const [name, bytes] of Object.entries(accepted)) {
    test(`${name}, which is allowed, is read in time`, () => {
      for (const read of [decode, openMessage])
        assert.equal(
          outcome(() => read(bytes)),
          'accepted',
        );
      checkWork(bytes);
    });
  }
});

describe('an error', () => {
  test('names the byte where reading stopped', () => {
    assert.throws(() => decode(hex('83 6802 6101 ff')), {
      name: 'EtfError',
      reason: 'unknown_tag',
      offset: 5,
    });
  });

  test('never quotes the message', () => {
    assert.throws(() => decode(Buffer.from('secret code 123456')), { message: 'bad_version at byte 0' });
  });
});

describe('limits', () => {
  const limits = { payloadBytes: 100, nesting: 2, elements: 3, inflatedBytes: 50 };

  test('can be set tighter, each separately', () => {
    assert.equal(
      outcome(() => decode(message(binary(Buffer.alloc(95))), limits)),
      'payload_too_large',
    );
    assert.equal(
      outcome(() => decode(hex('83 6801 6801 6801 6101'), limits)),
      'too_deep',
    );
    assert.equal(
      outcome(() => decode(hex('83 6804 6101 6101 6101 6101'), limits)),
      'too_many_elements',
    );
    assert.equal(
      outcome(() => decode(zipped(binary(Buffer.alloc(46))), limits)),
      'inflated_too_large',
    );
    assert.equal(
      outcome(() => decode(hex('83 6801 6802 6101 6101'), limits)),
      'accepted',
    );
  });

  test('count a tail, the characters of a string and the pairs of a map as elements', () => {
    const ofFour = ['6c00000003 6a6a6a 6101', '6c00000001 6a 6b0003 010203', '7400000002 6101 6a 6102 6a'];
    for (const term of ofFour) {
      for (const read of [decode, openMessage]) {
        assert.equal(
          outcome(() => read(hex(`83 ${term}`), limits)),
          'too_many_elements',
        );
        assert.equal(
          outcome(() => read(hex(`83 ${term}`), { ...limits, elements: 4 })),
          'accepted',
        );
      }
    }
  });

  test('set too wide do not let the stack overflow', () => {
    const wide = { payloadBytes: 1e9, nesting: 1e9, elements: 1e9, inflatedBytes: 1e9 };
    assert.equal(
      outcome(() => decode(message(times(1_000_000, hex('6801'))), wide)),
      'too_deep',
    );
    assert.equal(
      outcome(() => openMessage(message(times(1_000, hex('7400000001')), hex('6a6a')), wide)),
      'truncated',
    );
  });
});
