import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Task = 'decode' | 'encode' | 'echo';

/** A codec in its own process that takes requests and answers in lines; the same for Node and for Erlang. */
export class CodecProcess {
  readonly name: string;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(name: string, [program, ...args]: [string, ...string[]]) {
    this.name = name;
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const { stdin, stdout } = this.child;
    if (stdin === null || stdout === null) throw new Error('the process has no pipes');
    stdin.on('error', () => {}); // An exited process is noticed when its answer is missing.
    this.child.on('error', () => {});
    this.lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  static ofNode(name: string): CodecProcess {
    const program = fileURLToPath(new URL('contender.ts', import.meta.url));
    return new CodecProcess(name, [process.execPath, '--import', 'tsx', program, name]);
  }

  static ofErlang(): CodecProcess {
    return new CodecProcess('Erlang/OTP', [
      'escript',
      fileURLToPath(new URL('otp.escript', import.meta.url)),
    ]);
  }

  /** @returns its answer line; `undefined` if it has exited. */
  async ask(task: Task, iterations: number, message: Buffer): Promise<string | undefined> {
    this.child.stdin?.write(`${task} ${iterations} ${message.toString('base64')}\n`);
    const { value, done } = await this.lines.next();
    return done === true ? undefined : value;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.pid === undefined) return;
    const exit = once(this.child, 'exit');
    this.child.stdin?.end();
    await exit;
  }
}
