/** The files of the program go while it runs, as in an upgrade in place: no request is the first to need one. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mailSettings } from '../../dev/servers/services.ts';
import { startSmtp } from '../../dev/servers/smtp.ts';
import { startSts } from '../../dev/servers/sts.ts';
import { eventually, startHarness, type WorkerUnderTest } from '../harness/harness.ts';
import { workerArguments } from '../harness/program.ts';
import { aws, credentialsIn, link, success } from '../harness/services-fixture.ts';
import { refusal } from '../harness/terms.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const [harness, smtp, sts] = await Promise.all([startHarness({ workers: 0 }), startSmtp(), startSts()]);
const folders: string[] = [];
after(async () => {
  await Promise.all([smtp.stop(), sts.stop()]);
  await harness.stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** The program in a folder of its own, each package and its sources a link. */
function install(): { folder: string; packages: string; program: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'lost-files-'));
  folders.push(folder);
  const packages = join(folder, 'node_modules');
  for (const entry of readdirSync(join(root, 'node_modules'))) {
    const names = entry.startsWith('@')
      ? readdirSync(join(root, 'node_modules', entry)).map((name) => join(entry, name))
      : [entry];
    mkdirSync(join(packages, names[0] ?? '', '..'), { recursive: true });
    for (const name of names) symlinkSync(join(root, 'node_modules', name), join(packages, name));
  }
  for (const name of ['dist', 'src', 'package.json']) symlinkSync(join(root, name), join(folder, name));
  const options = workerArguments.slice(0, -1);
  const main = join(folder, relative(root, workerArguments.at(-1) ?? ''));
  return { folder, packages, program: ['--preserve-symlinks', '--preserve-symlinks-main', ...options, main] };
}

function start(folder: string, program: string[]): Promise<WorkerUnderTest> {
  writeFileSync(join(folder, 'token'), 'a.web.identity');
  const settings = {
    ...mailSettings(smtp),
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_REGION: 'eu-central-1',
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/phones',
    AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return harness.startWorker(settings, program);
}

const says = (worker: WorkerUnderTest, message: string) =>
  eventually(message, () => worker.log().some(({ msg }) => String(msg).startsWith(message)));

test('all packages and sources are gone once the worker is started: link and aws work as before', async () => {
  const { folder, packages, program } = install();
  const worker = await start(folder, program);
  await says(worker, 'services are loaded');
  for (const path of [packages, join(folder, 'dist'), join(folder, 'src')]) renameSync(path, `${path}.gone`);

  const phone = await harness.phone();
  assert.deepEqual(await phone.ask(link(phone, `${phone.number}@example.org`)), success('email_sent'));
  credentialsIn(await phone.ask(aws(phone)));
  await worker.process.kill('SIGTERM');
});

/** Leave a package with its entry alone, which needs a file that is not there; returns what mends it. */
function halve(packages: string, name: string, entry: string): () => void {
  const [whole, half] = [join(root, 'node_modules', name), join(packages, name)];
  unlinkSync(half);
  mkdirSync(join(half, entry, '..'), { recursive: true });
  copyFileSync(join(whole, 'package.json'), join(half, 'package.json'));
  writeFileSync(join(half, entry, '../package.json'), '{"type":"commonjs"}');
  writeFileSync(join(half, entry), "require('./lost.js');\n");
  const [top = ''] = entry.split('/');
  return () => {
    rmSync(join(half, top), { recursive: true });
    symlinkSync(join(whole, top), join(half, top));
  };
}

test('packages that are not whole when they are to be loaded: the log says so, and requests are served once they are', async () => {
  const { folder, packages, program } = install();
  const mends = [
    halve(packages, 'nodemailer', 'dist/cjs/nodemailer.js'),
    halve(packages, '@aws-sdk/client-sts', 'dist-cjs/index.js'),
  ];
  const worker = await start(folder, program);
  await says(worker, 'files of the program cannot be read');
  const phone = await harness.phone();
  assert.deepEqual(await phone.ask(link(phone, `${phone.number}@example.org`)), refusal('email_send'));
  assert.deepEqual(await phone.ask(aws(phone)), refusal('aws'));

  for (const mend of mends) mend();
  assert.deepEqual(await phone.ask(link(phone, `${phone.number}@example.org`)), success('email_sent'));
  credentialsIn(await phone.ask(aws(phone)));
});
