/** docs/tutorial.md, followed literally in a copy of the tree, at a broker, a Redis and a worker of the test's own. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Harness, startHarness } from '../../harness/harness.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = await readFile(join(root, 'docs/tutorial.md'), 'utf8');

/** A code block, with the paragraph before it and the one behind. */
interface Block {
  readonly says: string;
  readonly code: string;
  readonly after: string;
}

const blocks: readonly Block[] = [...page.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map((found) => ({
  says: page.slice(0, found.index).trimEnd().split('\n\n').at(-1) ?? '',
  code: found[1] ?? '',
  after: page.slice(found.index + found[0].length).trimStart(),
}));
const isSkipped = ({ after: text }: Block): boolean => text.startsWith('*Not run');
const hasPaho = spawnSync('python3', ['-c', 'import paho.mqtt.client']).status === 0;

let harness: Harness;
let copy: string;
before(async () => {
  harness = await startHarness();
  copy = await mkdtemp(join(tmpdir(), 'profile-tutorial-'));
  const isLeft = /^(?:node_modules|dist|\.git|\.cache|mosquitto\/data)(?:\/|$)/;
  await cp(root, copy, { recursive: true, filter: (path) => !isLeft.test(path.slice(root.length)) });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
});
after(async () => {
  await harness.stop();
  await rm(copy, { recursive: true });
});

interface Ran {
  readonly code: number;
  readonly output: string;
}

/** Run a block as a shell in the clone does, with the ports of the test's servers. */
function run(code: string): Promise<Ran> {
  const { NODE_TEST_CONTEXT: _reports, ...inherited } = process.env; // else a test in it reports to this one
  const env = {
    ...inherited,
    PORT: new URL(harness.broker.url).port,
    MQTT_URL: harness.broker.url,
    REDIS_URL: harness.redis.url,
  };
  return new Promise((resolve) => {
    execFile('bash', ['-c', code], { cwd: copy, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

function blockWith(text: string): Block {
  const [block, ...others] = blocks.filter(({ code }) => code.includes(text));
  assert.ok(block && others.length === 0, `one block has ${text}`);
  return block;
}

async function runBlock(text: string, code = 0): Promise<string> {
  const ran = await run(blockWith(text).code);
  assert.equal(ran.code, code, ran.output);
  return ran.output;
}

/** Save a block under the name that the text before it gives. */
async function save(text: string): Promise<void> {
  const { says, code } = blockWith(text);
  const file = /as `([^`]+)`/.exec(says)?.[1];
  assert.ok(file, says);
  await writeFile(join(copy, file), code, { flag: 'wx' });
}

const followed = new Set<Block>();
const follow = (...texts: readonly string[]): void => {
  for (const text of texts) followed.add(blockWith(text));
};

test('a session, and requests by hand', async () => {
  follow('export PORT', 'session add', 'send get', 'mosquitto_sub');
  assert.match(blockWith('export PORT').code, /^export PORT=\d+\nexport MQTT_URL=\S+ REDIS_URL=\S+\n$/);
  assert.match(await runBlock('session add'), /^[\w-]{43}$/m);
  assert.match(await runBlock('send get'), /not_found[\s\S]*exit code 1/);
  assert.match(await runBlock('mosquitto_sub'), /not_found/);
});

test('the request by hand has as many bytes as the text says', async () => {
  const { says, code } = blockWith('mosquitto_sub');
  const [, printf = ''] = /^(printf '[^']*')/m.exec(code) ?? [];
  const { output } = await run(`${printf} | wc -c`);
  assert.equal(/publishes (\d+) bytes/.exec(says)?.[1], output.trim());
});

test('a phone in Node', async () => {
  follow("import mqtt from 'mqtt'", 'tsx phone.ts', 'online,set}');
  await save("import mqtt from 'mqtt'");
  const times = (text: string): string => text.replace(/\d{13}/g, 'time');
  assert.equal(times(await runBlock('tsx phone.ts')), times(blockWith('online,set}').code));
});

test('a phone in Python', {
  skip: hasPaho ? false : 'python3 has no paho-mqtt: pip install paho-mqtt',
}, async () => {
  await save('import paho.mqtt');
  const [, expected = ''] = /stored profile: `(.*)`\./.exec(page) ?? [];
  const times = (text: string): string => text.replace(/\d{13}/g, 'time');
  assert.equal(times(await runBlock('python3 phone.py')).trim(), times(expected));
});

test('a change of the source, with its test', async () => {
  const [first, again] = blocks.filter(({ code }) => code.includes('--test tests/unit/services/mail'));
  assert.ok(first && again);
  await save("import assert from 'node:assert/strict'");
  assert.notEqual((await run(first.code)).code, 0, 'it fails without the change');
  const file = join(copy, 'src/services/mail/templates.ts');
  const template = blockWith('const polish');
  const line = blockWith("['pl', polish]");
  const text = await readFile(file, 'utf8');
  const place = '/** By primary language subtag.';
  assert.ok(text.includes(place) && text.includes("  ['uk', ukrainian],\n"));
  await writeFile(
    file,
    text
      .replace(place, () => template.code + place)
      .replace("  ['uk', ukrainian],\n", (found) => found + line.code),
  );
  const ran = await run(again.code);
  assert.equal(ran.code, 0, ran.output);
  for (const block of [first, again, template, line]) followed.add(block);
  follow("import assert from 'node:assert/strict'");
});

test('each block is run, or says why not', () => {
  follow('import paho.mqtt', 'python3 phone.py');
  assert.ok(blocks.length >= 15);
  assert.deepEqual(
    blocks.filter((block) => !followed.has(block) && !isSkipped(block)).map(({ code }) => code),
    [],
  );
});
