// Loaded into each contender with `--import`: answers what the process has used so far, all threads together.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { cache } = createRequire(import.meta.url);

/** Linux keeps `maxRSS` over `exec`, so that it begins with what the benchmark's own process has. */
function peakKibibytes() {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return process.resourceUsage().maxRSS; // no Linux
  }
}

process.on('message', (message) => {
  if (message !== 'usage') return;
  const { user, system } = process.cpuUsage();
  process.send?.({
    cpuMicros: user + system,
    peakMegabytes: peakKibibytes() / 1024,
    residentMegabytes: process.memoryUsage.rss() / 2 ** 20,
    hasLoadedSdk: Object.keys(cache).some((file) => file.includes('@aws-sdk/client-sts')),
  });
});

// The listener alone would keep a contender alive that wants to end.
process.channel?.unref();
