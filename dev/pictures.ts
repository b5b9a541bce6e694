/** `npm run pictures`: makes docs/pictures/page.png again, from a real system in a real browser. */
import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { checkArguments } from './arguments.mjs';
import { startBrowser } from './browser.ts';
import { startPageOf } from './page/of-system.ts';
import { startSystem } from './system.ts';

checkArguments('pictures');

const folder = fileURLToPath(new URL('../docs/pictures/', import.meta.url));

const closers: (() => Promise<unknown>)[] = [];

/** Holds a conversation that is long enough for a picture: two friends, news, and a mail. */
async function converse(page: Page): Promise<void> {
  await page.getByText('Broker: connected').waitFor();
  await ask(page, 'Olena', 'set');
  await ask(page, 'Taras', 'set');
  await ask(page, 'Olena', 'link');
  await page.getByRole('button', { name: /^Confirm with/ }).click();
  await page.getByRole('button', { name: 'Send email' }).click();
  await page.getByText('ok verified', { exact: true }).waitFor();
  await ask(page, 'Olena', 'update');
}

/** Sends requests for the charts to show. */
async function makeTraffic(page: Page): Promise<void> {
  await page.getByRole('radio', { name: 'get', exact: true }).check();
  for (let second = 0; second < trafficSeconds; second++) {
    for (let count = (second * second) % 7; count >= 0; count--)
      await page.getByRole('button', { name: 'Send get' }).click();
    await delay(1000);
  }
}

const trafficSeconds = 25;

async function ask(page: Page, name: string, kind: string): Promise<void> {
  await page.getByRole('radio', { name: new RegExp(`^${name} \\d`) }).check();
  await page.getByRole('radio', { name: kind, exact: true }).check();
  if (kind === 'update') await page.getByLabel('Presence').selectOption('online');
  await page.getByRole('button', { name: `Send ${kind}` }).click();
  await page
    .getByRole('article', { name: `${name}, ${kind}` })
    .locator('.message')
    .nth(1)
    .waitFor();
}

try {
  const system = await startSystem({
    workerFile: 'src/main.ts',
    logLevel: 'error',
    hasColours: false,
    print: console.log,
    onStarted: (stop) => closers.push(stop),
  });
  const served = await startPageOf(system);
  closers.push(() => served.stop());
  const browser = await startBrowser();
  closers.push(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
  await page.goto(served.url);
  const others = await browser.newPage();
  await others.goto(served.url);
  await others.getByText('Broker: connected').waitFor();
  await makeTraffic(others);
  await page.bringToFront();
  await converse(page);
  // The charts then show these requests.
  await page.getByRole('img', { name: /^Latency.*median \d/ }).waitFor();
  await page.evaluate('scrollTo(0, 0)');
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}page.png` });
  console.log('docs/pictures/page.png');
} finally {
  for (const close of closers.reverse()) await close();
}
