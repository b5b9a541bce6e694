/** The worker's clock jumps ten minutes, ahead and back: whatever has a life of its own keeps it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServices } from '../../dev/servers/services.ts';
import { atom } from '../../src/etf/index.ts';
import { startHarness } from '../harness/harness.ts';
import { workerArguments } from '../harness/program.ts';
import {
  aws,
  codeIn,
  confirm,
  credentialsIn,
  credentialsKey,
  link,
  success,
} from '../harness/services-fixture.ts';
import { profile } from '../harness/terms.ts';

/** Before the worker: SIGUSR2 sets its clock ten minutes ahead, SIGWINCH ten minutes back. */
const clock = `
  const real = Date.now, Real = Date;
  let ahead = 0;
  process.on('SIGUSR2', () => { ahead = 600_000; }).on('SIGWINCH', () => { ahead = -600_000; });
  globalThis.Date = class extends Real {
    constructor(...given) { if (given.length > 0) super(...given); else super(real() + ahead); }
    static now() { return real() + ahead; }
  };`;
const program = ['--import', `data:text/javascript,${encodeURIComponent(clock)}`, ...workerArguments];

const [harness, services] = await Promise.all([startHarness({ workers: 0 }), startServices()]);
after(async () => {
  await services.stop();
  await harness.stop();
});
const settings = { ...services.settings, CREDENTIALS_KEY: credentialsKey };
const worker = await harness.startWorker(settings, program);

for (const [what, signal] of [
  ['ahead', 'SIGUSR2'],
  ['back', 'SIGWINCH'],
] as const) {
  test(`ten minutes ${what}: requests, codes and credentials are as before, and the worker is ready`, async () => {
    process.kill(worker.process.pid ?? assert.fail(), signal);
    const phone = await harness.phone();
    const address = `${phone.number}@example.org`;
    await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
    assert.deepEqual(await phone.ask(link(phone, address)), success('email_sent'));
    const mail = services.smtp.mails().find(({ to }) => to[0] === address) ?? assert.fail();
    assert.deepEqual(await phone.ask(confirm(phone, address, codeIn(mail))), success('verified'));

    const given = credentialsIn(await phone.ask(aws(phone)));
    assert.deepEqual(given, services.sts.requests().at(-1)?.issued);
    const leftMs = await harness.database.pttl(`aws:{${phone.number}}`);
    assert.ok(leftMs > 3_000_000 && leftMs <= 3_300_000, `kept for ${leftMs} ms`);
    assert.equal((await worker.page('/readyz')).status, 200);
  });
}
