/** A Docker engine with Compose: that of this machine, or one that this program starts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Engine {
  /** Of engine and Compose, for people. */
  readonly versions: string;
  /** Whether base images are made here and not fetched, so that no tag and no digest is tried. */
  readonly standIns: boolean;
  /** Runs `docker` with these words. @returns what it printed. @throws CommandFault */
  docker(words: readonly string[], options?: CommandOptions): Promise<string>;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** A command ended with another code than 0. */
class CommandFault extends Error {
  override readonly name = 'CommandFault';
  readonly output: string;

  constructor(command: string, status: string, output: string) {
    super(`${command} ended with ${status}:\n${output.slice(-4_000)}`);
    this.output = output;
  }
}

/** Longest for one command; the first build fetches packages. */
const patienceMs = 15 * 60_000;

/** @returns its standard output. @throws CommandFault with both streams. */
export async function runCommand(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: patienceMs });
  let printed = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
    output += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const [status, signal] = await once(child, 'close');
  if (status === 0) return printed;
  throw new CommandFault(`${program} ${words.join(' ')}`, `${signal ?? `code ${status}`}`, output);
}

/** @returns the engine of this machine; undefined where none answers, or it has no Compose. */
export async function systemEngine(): Promise<Engine | undefined> {
  const docker: Engine['docker'] = (words, { env } = {}) =>
    runCommand('docker', words, { ...process.env, ...env });
  try {
    return { docker, standIns: false, versions: await versionsOf(docker) };
  } catch {
    return undefined;
  }
}

export async function versionsOf(docker: Engine['docker']): Promise<string> {
  const engine = await docker(['version', '--format', '{{.Server.Version}}']);
  return `Docker ${engine.trim()}, Compose ${(await docker(['compose', 'version', '--short'])).trim()}`;
}
