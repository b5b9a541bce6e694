/** What a request has still to do once it is answered: a step that fails ends neither the others nor the worker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Responder, type ResponderDeps } from '../../../src/pipeline/responder.ts';
import { Fault } from '../../../src/store/redis/fault.ts';
import { openLog } from '../../../src/telemetry/log.ts';

const asked = { request: 1, client: 'device-1' } as unknown as Parameters<Responder<never>['send']>[0];

test('Redis fails when the list of the broker is to be noted: the answer and the contacts are noted all the same', async () => {
  const steps: string[] = [];
  const lines: string[] = [];
  const deps = {
    syncBrokerAcl: () => Promise.reject(new Fault('redis: OOM')),
    fanOuts: { note: async (phone: string) => void steps.push(`contacts of ${phone}`) },
    log: openLog('info', { write: (line: string) => void lines.push(line) }),
  };
  const responder = new Responder(deps as unknown as ResponderDeps, () => assert.fail('it is answered'));
  await responder.send(asked, {
    result: 'ok',
    answers: [],
    sessionsEnded: '380501112233',
    onSent: async () => void steps.push('answered'),
    fanOut: '380501112233',
  });
  assert.deepEqual(steps, ['answered', 'contacts of 380501112233']);
  assert.equal(lines.length, 1);
  assert.match(
    lines.join(''),
    /a request failed after its answer.*redis: OOM|redis: OOM.*a request failed after/,
  );
});
