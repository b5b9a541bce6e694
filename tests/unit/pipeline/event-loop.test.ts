/** A bad payload must not block the event loop: all other clients of the worker wait meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits } from '../../../src/etf/index.ts';
import type { Context } from '../../../src/handlers/handler.ts';
import { knownKinds, type RequestKind, requests } from '../../../src/handlers/index.ts';
import { readProfile, type SentProfile } from '../../../src/protocol/profile.ts';
import { badPayloads } from '../../harness/bad-payloads.ts';
import { unitsOf } from '../../harness/calibration.ts';

const phone = '380501112233';
/**
 * Beside a unit of some 10 ms that runs on the same busy machine. None takes more than two there at rest; 4.1 were seen under
 * load. What blocks takes hundreds.
 */
const maxUnits = 8;

/** The profiles that `set` calls; nothing is stored, but all earlier work is done. */
const context = {
  profiles: {
    change: async (_cause: unknown, _word: unknown, decide: (profile: undefined) => unknown) => {
      decide(undefined);
      throw new Error('nothing is stored here');
    },
  },
} as unknown as Context;

/** The work of a payload in the event loop, from its receipt to the first wait for Redis. */
function receive(payload: Buffer): void {
  const sent = readProfile(payload, defaultLimits, knownKinds);
  if (typeof sent !== 'string') void handle(sent);
}

async function handle(sent: SentProfile<RequestKind>): Promise<void> {
  const request = {
    sent,
    phone,
    stored: undefined,
    ref: { phone, key: '', record: '' },
    delivery: { redelivered: false, isStillOwned: async () => true },
    admitToRewrite: () => true,
  };
  const whole = { ...request, sessionPhone: phone, replyTo: { client: 'a' } };
  try {
    await requests[sent.kind].handler.handle(whole, context);
  } catch {
    // Nothing is stored here.
  }
}

function assertQuick(payload: Buffer): void {
  const units = unitsOf(() => receive(payload), maxUnits);
  assert.ok(units < maxUnits, `${units.toFixed(1)} units`);
}

for (const [name, bytes] of Object.entries(badPayloads)) {
  test(`${name}: not over ${maxUnits} units of work`, () => assertQuick(bytes(phone)));
}
