import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../dev/servers/process.ts';

/** The requests that the conversation shows. */
const shown = ['get', 'set', 'update', 'link', 'email', 'aws', 'remove', 'migrate', 'phone'];

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** `npm run dev` after its set-up, with its own folder for temporary files. */
class Dev {
  readonly child: ChildProcess;
  readonly #folder: string;
  #output = '';

  private constructor(folder: string, options: readonly string[], settings: NodeJS.ProcessEnv) {
    this.#folder = folder;
    this.child = spawn(process.execPath, ['--import', 'tsx', 'dev/main.ts', ...options], {
      cwd: root,
      env: { ...process.env, TMPDIR: folder, AWS_PROFILE: 'nobody', MQTT_URL: 'mqtt://nowhere', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
      });
    }
  }

  static start(t: TestContext, ...options: string[]): Promise<Dev> {
    return Dev.startWith(t, {}, ...options);
  }

  static async startWith(t: TestContext, settings: NodeJS.ProcessEnv, ...options: string[]): Promise<Dev> {
    const folder = await mkdtemp(join(tmpdir(), 'profile-dev-test-'));
    const dev = new Dev(folder, options, settings);
    t.after(async () => {
      dev.child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    });
    return dev;
  }

  get lines(): string[] {
    return this.#output.split('\n');
  }

  /** Resolves when this was printed. */
  async printed(text: RegExp): Promise<void> {
    while (!text.test(this.#output)) {
      assert.equal(this.child.exitCode, null, `it has ended:\n${this.#output}`);
      await delay(10);
    }
  }

  async exitCode(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close');
    return this.child.exitCode;
  }

  /** What it has left in the folder for temporary files; tsx keeps its compiled files there. */
  async leftFiles(): Promise<string[]> {
    return (await readdir(this.#folder)).filter((name) => !name.startsWith('tsx-'));
  }

  /** The command lines of all processes that have its environment or work in its folder (Linux). */
  async processes(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of await readdir('/proc')) {
      const read = (file: string) => readFile(join('/proc', pid, file), 'utf8').catch(() => '');
      const folder = await readlink(join('/proc', pid, 'cwd')).catch(() => '');
      if (!(await read('environ')).includes(this.#folder) && !folder.startsWith(this.#folder)) continue;
      // An exited process that nobody has waited for has no command line.
      const command = (await read('cmdline')).replaceAll('\0', ' ');
      if (command !== '') found.push(command);
    }
    return found;
  }

  /** Fails when something is left; a helper process of tsx exits a moment later. */
  async leavesNoProcess(): Promise<void> {
    if (process.platform !== 'linux') return;
    const deadline = Date.now() + 5_000;
    for (let left = await this.processes(); left.length > 0; left = await this.processes()) {
      if (Date.now() > deadline) assert.fail(`still running:\n${left.join('\n')}`);
      await delay(20);
    }
  }
}

test('every request of the conversation is answered correctly, and nothing is left behind', async (t) => {
  const dev = await Dev.start(t, '--once');
  assert.equal(await dev.exitCode(), 0, dev.lines.join('\n'));

  const kinds = new Set<string>();
  const spoken = dev.lines.filter((line) => /^[→←]/.test(line));
  for (const [index, line] of spoken.entries()) {
    if (!line.startsWith('→')) continue;
    assert.match(line, /^→ events\/1\/\/api\/anon\/\/ +\{'Profile',<<"\d+">>,.*\}$/);
    assert.match(spoken[index + 1] ?? '', /^← (actions\/1\/api\/emqttd_\d+|ses\/\d+) +\{/, line);
    kinds.add(/,(\w+)\}$/.exec(line)?.[1] ?? '');
  }
  assert.deepEqual(
    shown.filter((kind) => !kinds.has(kind)),
    [],
    'requests that were not shown',
  );
  const seconds = /From start to first answer: ([\d.]+) s/.exec(dev.lines.at(-2) ?? '')?.[1];
  assert.ok(Number(seconds) > 0, `first answer after ${seconds} s`);
  assert.ok(!dev.lines.join().includes('\x1b'), 'colours without a terminal');

  assert.deepEqual(await dev.leftFiles(), []);
  await dev.leavesNoProcess();
});

test('with the topics of newer deployments the conversation is the same', async (t) => {
  const topics = {
    REQUEST_TOPIC: 'events/:client',
    ANSWER_TOPIC: 'actions/:client',
    NOTICE_TOPIC: 'devices/:phone',
  };
  const dev = await Dev.startWith(t, topics, '--once');
  assert.equal(await dev.exitCode(), 0, dev.lines.join('\n'));
  const used = dev.lines.flatMap((line) => /^[→←] (\S+\/)/.exec(line)?.[1] ?? []);
  assert.deepEqual([...new Set(used)].toSorted(), ['actions/', 'devices/', 'events/']);
});

test('--field: phones that log in as api with their token, wait for a profile, name no phone and never subscribe', async (t) => {
  const dev = await Dev.start(t, '--once', '--field');
  assert.equal(await dev.exitCode(), 0, dev.lines.join('\n'));
  const asked = dev.lines.filter((line) => line.startsWith('→')).join('\n');
  for (const kind of shown) assert.match(asked, new RegExp(`,${kind}\\}$`, 'm'));
  assert.match(asked, /\{'Profile',\[\],.*,get\}$/m);
  const output = dev.lines.join('\n');
  assert.match(output, /^← actions\/1\/api\/emqttd_42 +\{'Profile',.*,init\}$/m);
  assert.match(output, /with another token than its own nobody is let in/);
});

/** The file of a worker that answers not_found for each profile. */
async function wrongWorker(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'profile-wrong-worker-'));
  t.after(() => rm(folder, { recursive: true }));
  const source = (file: string) => JSON.stringify(String(new URL(`../../../src/${file}`, import.meta.url)));
  const program = `
    import { requests } from ${source('handlers/index.ts')};
    import { refuse } from ${source('handlers/outcome.ts')};
    Object.assign(requests, { get: { ...requests.get, handler: { handle: () => refuse('not_found') } } });
    await import(${source('main.ts')});`;
  await writeFile(join(folder, 'worker.mts'), program);
  return join(folder, 'worker.mts');
}

test('a worker with wrong answers is reported, and one without is not', async (t) => {
  const dev = await Dev.start(t, '--once', '--worker', await wrongWorker(t));
  assert.equal(await dev.exitCode(), 1, dev.lines.join('\n'));
  const output = dev.lines.join('\n');
  assert.match(
    output,
    /← actions\/1\/api\/emqttd_42 +\{io,\{error,not_found\},<<>>\}\n✗ on actions\/1\/api\/emqttd_42/,
  );
  assert.doesNotMatch(output, /all of them right/);
  assert.deepEqual(await dev.leftFiles(), []);
  await dev.leavesNoProcess();
});

test('a worker that does not start is reported, and nothing is left behind', async (t) => {
  const dev = await Dev.start(t, '--once', '--worker', 'tests/system/no-such-worker.ts');
  assert.equal(await dev.exitCode(), 1);
  assert.match(dev.lines.join('\n'), /✗ worker-\d did not start/);
  assert.deepEqual(await dev.leftFiles(), []);
  await dev.leavesNoProcess();
});

test('a worker gets the settings of the environment, and a line names those that it does not get', async (t) => {
  const dev = await Dev.startWith(t, { CLIENT_RATE: 'often' }, '--once');
  assert.equal(await dev.exitCode(), 1);
  const output = dev.lines.join('\n');
  assert.match(output, /^not taken from the environment, as this system has its own: MQTT_URL$/m);
  assert.match(output, /worker-\d: .*CLIENT_RATE/);
});

test('it serves a page; the printed command gets a profile, and Ctrl-C ends everything', async (t) => {
  const dev = await Dev.start(t);
  await dev.printed(/Ctrl-C ends/);
  const page = dev.lines.find((line) => line.startsWith('Page '))?.replace(/^Page +/, '') ?? '';
  assert.match(await (await fetch(page)).text(), /<title>PROFILE worker<\/title>/);

  const command = dev.lines.find((line) => line.startsWith('  printf ')) ?? '';
  execFileSync('sh', ['-c', command]);
  await dev.printed(/→ events\/1\/\/api\/anon\/emqttd_42\/ \{'Profile',<<"380501112233">>,.*,get\}\n/);
  await dev.printed(
    /← actions\/1\/api\/emqttd_42 +\{'Profile',<<"380501112233">>,.*<<"380671112233_7">>.*,get\}\n$/,
  );

  // The terminal sends it to the program, and npm once more.
  dev.child.kill('SIGINT');
  dev.child.kill('SIGINT');
  assert.equal(await dev.exitCode(), 0, dev.lines.join('\n'));
  assert.deepEqual(await dev.leftFiles(), []);
  await dev.leavesNoProcess();
});

test('a debugger finds the only worker', async (t) => {
  const port = await freePort();
  const dev = await Dev.start(t, '--inspect', String(port));
  await dev.printed(/worker-1: INFO: ready/);
  assert.ok(!dev.lines.some((line) => line.startsWith('worker-2')));
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).text();
  assert.match(targets, /src\/main\.ts/);
});

test('when it is killed with SIGKILL, its child processes end too', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const dev = await Dev.start(t);
  await dev.printed(/Ctrl-C ends/);
  const running = (await dev.processes()).join('\n');
  // Redis writes its own title, in which a loader that was named before it is left.
  for (const program of [/mosquitto/, /(redis|valkey)-server|ld-linux\S+ *$/m, /src\/main\.ts/])
    assert.match(running, program);
  dev.child.kill('SIGKILL');
  await dev.leavesNoProcess();
});
