import type { Fault } from './fault.ts';

const head = ['fault', 'line of the log', '`/readyz`', '`profilectl doctor`', 'alert'];

/** A table of docs/operations.md. */
export function tableOf(faults: readonly Fault[]): string {
  const rows = faults.map(({ what, log, readyz, doctor, alerts }) => [
    what,
    log,
    readyz === '' ? 'ready' : readyz,
    doctor,
    alerts.map((name) => `\`${name}\``).join(', '),
  ]);
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell || '–').join(' | ')} |`).join('\n');
}
