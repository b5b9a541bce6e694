/** Shows progress on one line that is overwritten on a terminal; elsewhere as a line every few seconds. */
export function openProgress() {
  const isTerminal = process.stdout.isTTY;
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show(text: string) {
      if (isTerminal) process.stdout.write(`\r\x1b[K${text.slice(0, process.stdout.columns - 1)}`);
      else if (performance.now() - shownAt >= 5_000) {
        shownAt = performance.now();
        console.log(`  ${text}`);
      }
    },
    clear() {
      if (isTerminal) process.stdout.write('\r\x1b[K');
    },
  };
}
