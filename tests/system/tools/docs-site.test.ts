/** `npm run docs`: the pages as a site, read and searched in a real browser. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { chromiumProgram, startBrowser } from '../../../dev/browser.ts';
import { eventually } from '../../harness/eventually.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const isBuilt = existsSync(join(root, 'dist-docs/index.html')) && process.env.DOCS_SITE === 'built';
const skip = chromiumProgram === undefined && 'no Chromium was found (on Debian: apt-get install chromium)';
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

let folder: string;
let server: Server;
let browser: Browser;
let address: string;
before(async () => {
  if (skip) return;
  folder = isBuilt ? join(root, 'dist-docs') : await mkdtemp(join(tmpdir(), 'profile-docs-'));
  const program = join(root, 'node_modules/vitepress/bin/vitepress.js');
  if (!isBuilt) {
    await promisify(execFile)(process.execPath, [program, 'build', 'docs', '--outDir', folder], {
      cwd: root,
    });
  }
  server = createServer(({ url = '/' }, response) => {
    const path = url.split('?', 1)[0]?.replace(/\/$/, '/index.html') ?? '/';
    readFile(join(folder, extname(path) === '' ? `${path}.html` : path)).then(
      (body) => response.setHeader('content-type', types[extname(path)] ?? types['.html'] ?? '').end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await startBrowser();
});
after(async () => {
  if (skip) return;
  await browser.close();
  server.close();
  if (!isBuilt) await rm(folder, { recursive: true });
});

test('the first page draws its diagram, and leads to the others', { skip }, async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(address);
  await page.locator('pre.diagram svg').first().waitFor();
  await page.getByRole('link', { name: 'Protocol', exact: true }).click();
  await page
    .getByRole('heading', { level: 1 })
    .filter({ hasText: /protocol/i })
    .waitFor();
  assert.deepEqual(faults, []);
  await page.close();
});

test('the list of settings is a file of the site', { skip }, async () => {
  const page = await browser.newPage();
  await page.goto(`${address}/docs/deployment`);
  const link = page.locator('a[href$="settings.txt"]').first();
  const opened = page.waitForEvent('popup', { timeout: 60_000 });
  await link.click();
  await eventually('it opens', async () => (await (await opened).content()).includes('REDIS_URL='));
  await page.close();
});

/** What somebody would type, and a page that must be among the first that the search finds. */
const questions: readonly (readonly [string, RegExp])[] = [
  ['idempotent', /delivery.*#exactly-once|architecture.*#idempotency|answers/],
  ['rate limit', /protocol.*#how-often|operations.*#when-a-client|architecture.*#rate-limiter/],
  ['dedup', /delivery.*#exactly-once|answers/],
  ['quota', /protocol|answers/],
  ['cache', /operations.*#cached-credentials|answers/],
  ['log out', /sessions/],
  ['revoke', /answers.*#log-out/],
  ['roll back', /upgrading.*#rolling-back/],
  ['OOM-killed', /operations|runbook.*#profileworkergone/],
  ['SES', /extending/],
  ['backpressure', /delivery.*#backpressure/],
  ['exactly once', /delivery.*#exactly-once/],
  ['at least once', /delivery/],
  ['GDPR', /operations.*#personal-data/],
  ['personal data', /operations.*#personal-data/],
  ['clock skew', /answers.*#clock-ntp/],
  ['certificate rotation', /operations.*#renewing-a-certificate/],
  ['renew certificate', /operations.*#renewing-a-certificate/],
  ['rotate a password', /answers.*#rotate-a-password/],
  ['dead letter', /operations.*#poison-requests/],
  ['log a client out', /operations.*#log-a-client-out/],
  ['heartbeat', /operations.*#how-many-workers-run/],
  ['how many workers', /answers.*#how-many-workers-how-many-brokers/],
  ['staging', /production.*#staging/],
  ['upgrade the broker', /answers.*#upgrade-the-broker/],
  ['VERIFY_SECRET', /operations.*#rotating-credentials_key-and-verify_secret/],
  ['offline phone', /protocol.*#qos/],
  ['zero downtime', /upgrading.*#rolling-update/],
  ['move Redis', /answers.*#move-to-another-redis/],
  ['WebSocket', /mosquitto.*#clients-over-websocket/],
  ['LimitNOFILE', /operations.*#connections-and-file-descriptors/],
  ['request failed', /answers.*#request-failed/],
  ['how do I revoke a phone', /answers.*#log-out/],
  ['what happens if Redis is full', /answers.*#redis-connection-lost.*-full/],
  ['which ports are open', /production.*#versions-sizes-and-ports|answers.*#ports/],
  ['How do I run one test?', /answers.*#run-the-test-suite/],
  ['can I change the text of the mail', /answers.*#text-of-the-mail/],
  ['Profile tuple fields', /answers.*#fields-of-the-profile-tuple/],
  ['permission denied', /answers.*#not_authorized/],
  ['two phones same profile', /answers.*#two-phones-or-devices/],
  ['profilectl', /answers.*#profilectl/],
  ['where are the logs', /answers.*#where-are-the-logs|operations.*#logs/],
  ['error codes', /answers.*#answers-with-an-error/],
  ['change phone number', /answers.*#change-a-phone-number/],
  ['EMQX', /scaling.*#other-brokers|upgrading|answers/],
];

test('the search finds what somebody would type', { skip }, async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${address}/docs/protocol`);
  await page.getByRole('button', { name: 'Search' }).first().click();
  const field = page.locator('.VPLocalSearchBox input');
  for (const [words, expected] of questions) {
    await field.fill(words);
    // The list may be that of the words before for a moment.
    await eventually(`${words} finds ${expected}`, async () => {
      const links = await page
        .locator('.VPLocalSearchBox .result')
        .evaluateAll((found) => found.slice(0, 3).map((link) => link.getAttribute('href') ?? ''));
      return links.some((link) => expected.test(link));
    });
  }
  await page.close();
});
