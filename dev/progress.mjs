import { spawn } from 'node:child_process';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
// Some programs print the fault first (npm), others last (make, apt-get).
const firstLinesKept = 10;
const lastLinesKept = 20;

/** A step of the set-up failed. The message is one clear sentence for the user, then the step's last output. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * Runs a program to its end and shows progress: a spinner with its last line on a terminal, else a line every 10
 * seconds. Its whole output stays hidden unless it fails.
 *
 * @param {string} label what is being done, for the user
 * @param {string[]} command program and arguments
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<void>} rejects with a SetupError that ends with the first and last lines of the output
 */
export async function runShowingProgress(label, command, options) {
  const [program = '', ...args] = command;
  const lines = [];
  const show = showProgress(label, () => lines.at(-1) ?? '');
  try {
    await new Promise((resolve, reject) => {
      const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
      const keep = (/** @type {Buffer} */ chunk) => {
        lines.push(
          ...chunk
            .toString()
            .split(/[\r\n]+/)
            .filter((line) => line.trim() !== ''),
        );
        lines.splice(firstLinesKept, lines.length - firstLinesKept - lastLinesKept);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.once('error', (error) =>
        reject(new SetupError(`${program} could not be started: ${error.message}`)),
      );
      child.once('close', (code, signal) => {
        if (code === 0) resolve(undefined);
        else
          reject(
            new SetupError([`${label} failed (${signal ?? `exit code ${code}`}):`, ...lines].join('\n  ')),
          );
      });
    });
  } finally {
    show.stop();
  }
  console.log(`  ${label}: done in ${show.seconds()} s`);
}

/** @param {string} label @param {() => string} lastLine */
function showProgress(label, lastLine) {
  const start = Date.now();
  const seconds = () => Math.round((Date.now() - start) / 1000);
  const terminal = process.stdout.isTTY;
  if (!terminal) console.log(`  ${label} ...`);
  let turn = 0;
  const draw = () => {
    if (!terminal) return console.log(`  ${label}: ${seconds()} s, ${lastLine()}`);
    turn += 1;
    const line = `${frames[turn % frames.length]} ${label} (${seconds()} s) ${lastLine()}`;
    process.stdout.write(`\r\x1b[K${line.slice(0, process.stdout.columns - 1)}`);
  };
  const timer = setInterval(draw, terminal ? 100 : 10_000);
  return {
    seconds,
    stop() {
      clearInterval(timer);
      if (terminal) process.stdout.write('\r\x1b[K');
    },
  };
}
