// Loaded into each contender with `--import`: answers what the process has used so far, all threads together.

import { createRequire } from 'node:module';

const { cache } = createRequire(import.meta.url);

process.on('message', (message) => {
  if (message !== 'usage') return;
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage(); // in KiB
  process.send?.({
    cpuMicros: user + system,
    peakMegabytes: maxRSS / 1024,
    residentMegabytes: process.memoryUsage.rss() / 2 ** 20,
    hasLoadedSdk: Object.keys(cache).some((file) => file.includes('@aws-sdk/client-sts')),
  });
});

// The listener alone would keep a contender alive that wants to end.
process.channel?.unref();
