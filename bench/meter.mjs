// Loaded into each contender with `--import`: reports the usage of the process so far, all threads together.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { cache } = createRequire(import.meta.url);

/** Linux keeps `maxRSS` over `exec`, so it begins with that of the benchmark's own process. */
function peakKibibytes() {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return process.resourceUsage().maxRSS; // Not Linux.
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

// The listener alone must not keep a contender running that is about to end.
process.channel?.unref();

// A benchmark that is killed leaves no contender behind.
process.on('disconnect', () => process.exit());
