import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Paths of the system's Chromium; the scripts do not download Playwright's own. */
const programs = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Finds the Chromium of this machine, if it has one. */
export const chromiumProgram: string | undefined = programs.find((program) => existsSync(program));

/**
 * Starts Chromium without a window.
 * @throws Error when there is none.
 */
export function startBrowser(): Promise<Browser> {
  if (chromiumProgram === undefined)
    throw new Error('no Chromium was found (on Debian: apt-get install chromium)');
  return chromium.launch({
    executablePath: chromiumProgram,
    args: [
      // The sandbox does not start as root; containers and CI often run as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      // It visits pages of this machine only; without these options it contacts its vendor at each start.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      '--disable-gpu',
    ],
  });
}
