/** The page in a real Chromium, with a real broker, Redis and workers behind it. */
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { chromiumProgram, startBrowser } from '../../dev/browser.ts';
import { startPageOf } from '../../dev/page/of-system.ts';
import type { RunningPage } from '../../dev/page/server.ts';
import { type System, startSystem } from '../../dev/system.ts';

/** Why tests of the page are skipped; `false` where there is a browser. */
export const skip: string | false =
  chromiumProgram === undefined &&
  'there is no Chromium on this machine (on Debian: apt-get install chromium)';

export interface PageSystem {
  readonly system: System;
  readonly page: RunningPage;
  readonly browser: Browser;
  stop(): Promise<void>;
}

/** @param print - receives the lines of the workers' logs; by default each one is a failure. */
export async function startPageSystem(
  print: (line: string) => void = (line) => assert.fail(line),
): Promise<PageSystem> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const system = await startSystem({
      workerFile: 'src/main.ts',
      logLevel: 'error',
      hasColours: false,
      print,
      onStarted: (close) => closers.push(close),
    });
    const page = await startPageOf(system);
    closers.push(() => page.stop());
    const browser = await startBrowser();
    closers.push(() => browser.close());
    return { system, page, browser, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
