// Loaded into each contender with `--import`: answers what the process has used so far, all threads together.

process.on('message', (message) => {
  if (message !== 'usage') return;
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage(); // in KiB
  process.send?.({ cpuMicros: user + system, peakMegabytes: maxRSS / 1024 });
});

// The listener alone would keep a contender alive that wants to end.
process.channel?.unref();
