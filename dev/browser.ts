import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where a Chromium of the system's is; Playwright's own is not downloaded. */
const programs = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The Chromium of this machine, if it has one. */
export const chromiumProgram: string | undefined = programs.find((program) => existsSync(program));

/**
 * Start Chromium without a window.
 * @throws Error when there is none.
 */
export function startBrowser(): Promise<Browser> {
  if (chromiumProgram === undefined)
    throw new Error('no Chromium was found (on Debian: apt-get install chromium)');
  return chromium.launch({
    executablePath: chromiumProgram,
    args: [
      // Its sandbox does not start as root, as which containers and CI often run.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      // It looks at pages of this machine only; without these it calls home at each start.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      '--disable-gpu',
    ],
  });
}
