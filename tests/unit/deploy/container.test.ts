import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: string | { readonly context: string; readonly target?: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy?: { readonly replicas: number };
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly container_name?: string;
  readonly hostname?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly version?: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Instruction {
  readonly keyword: string;
  readonly text: string;
}

interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

const compose: Compose = parse(read('docker-compose.yml'), { merge: true });
const services = Object.entries(compose.services);
const worker = service('worker');
const stages = readStages(read('Dockerfile'));
const image = stages.at(-1) ?? assert.fail('Dockerfile has no stage');

function service(name: string): Service {
  return compose.services[name] ?? assert.fail(`docker-compose.yml has no service ${name}`);
}

/** Splits a Dockerfile into its stages, without comments and line continuations. */
function readStages(dockerfile: string): Stage[] {
  const lines = dockerfile
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const found: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, keyword = '', text = ''] =
      /^(\w+)\s+(.*)$/.exec(line) ?? assert.fail(`not an instruction: ${line}`);
    const [base = '', , name = base] = text.split(/\s+/);
    if (keyword === 'ARG' && found.length === 0) continue; // for FROM
    if (keyword === 'FROM') found.push({ name, base, instructions: [] });
    else found.at(-1)?.instructions.push({ keyword, text });
  }
  return found;
}

const all = (harness: Stage, keyword: string): string[] =>
  harness.instructions.filter((instruction) => instruction.keyword === keyword).map(({ text }) => text);

const only = (harness: Stage, keyword: string): string => {
  const [text, ...more] = all(harness, keyword);
  assert.ok(text !== undefined && more.length === 0, `stage ${harness.name} has one ${keyword}`);
  return text;
};

/** The copies of a stage, once for each source; `from` is the stage it is taken from, if it is one. */
function copies(harness: Stage): { source: string; from: string | undefined }[] {
  return all(harness, 'COPY').flatMap((text) => {
    const words = text.split(/\s+/);
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
    const paths = words.filter((word) => !word.startsWith('--'));
    return paths.slice(0, -1).map((source) => ({ source, from }));
  });
}

test('every setting that docker-compose.yml gives a worker is in .env.example', () => {
  assert.equal(worker.environment?.NODE_ENV, 'development'); // Node's own; QA_TEXT is never on in production.
  const settings = [...read('.env.example').matchAll(/^#?\s*([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);
  const known = new Set([...settings, 'NODE_ENV']);
  const given = Object.keys(worker.environment ?? {});
  assert.ok(given.length > 0);
  assert.deepEqual(
    given.filter((name) => !known.has(name)),
    [],
  );
});

test('docker-compose.yml publishes ports on the loopback interface only, and none for a worker', () => {
  const ports = services.flatMap(([, { ports = [] }]) => ports);
  assert.ok(ports.some((port) => port.endsWith(':1883')));
  assert.ok(ports.some((port) => port.endsWith(':8025')));
  assert.ok(ports.some((port) => port.includes('PAGE_PORT:-8026')));
  for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  assert.equal(worker.ports, undefined);
});

test('two workers start, and nothing in docker-compose.yml prevents four', () => {
  assert.equal(worker.deploy?.replicas, 2);
  assert.equal(worker.container_name, undefined);
  assert.equal(worker.hostname, undefined);
  assert.equal(worker.environment?.MQTT_CLIENT_ID, undefined);
});

for (const [name, settings] of services) {
  test(`the container of ${name} has no capability and can write only to its volumes`, () => {
    assert.equal(settings.read_only, true);
    assert.deepEqual(settings.cap_drop, ['ALL']);
    assert.deepEqual(settings.security_opt, ['no-new-privileges:true']);
  });
}

test('a worker waits for services with a health check', () => {
  const awaited = Object.entries(worker.depends_on ?? {});
  assert.deepEqual(awaited.map(([name]) => name).sort(), ['mailpit', 'mosquitto', 'redis', 'sts']);
  for (const [name, { condition }] of awaited) {
    assert.equal(condition, 'service_healthy');
    assert.equal(service(name).healthcheck?.test[0], 'CMD', `the health check of ${name} needs no shell`);
  }
});

test('a worker that is stopped in docker compose has longer than SHUTDOWN_TIMEOUT_MS', () => {
  const preset = /^#?\s*SHUTDOWN_TIMEOUT_MS=(\d+)/m.exec(read('.env.example'))?.[1];
  const grace = /^(\d+)s$/.exec(worker.stop_grace_period ?? '')?.[1];
  assert.ok(Number(grace) * 1000 > Number(preset), `${grace} s is longer than ${preset} ms`);
});

test('the secrets in docker-compose.yml are marked as for development only, and are long enough', () => {
  const preset = (name: string) => String(worker.environment?.[name]).replace(/^\$\{\w+:-(.*)\}$/, '$1');
  const key = Buffer.from(preset('CREDENTIALS_KEY'), 'base64');
  assert.equal(key.length, 32);
  assert.ok(preset('VERIFY_SECRET').length >= 32);
  for (const secret of [key.toString(), preset('VERIFY_SECRET'), preset('AWS_SECRET_ACCESS_KEY')]) {
    assert.match(secret, /^development-only/);
  }
});

test('worker and STS have the same key pair, and the worker calls the port that STS listens on', () => {
  const sts = service('sts').environment ?? {};
  for (const name of ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
    assert.equal(sts[name], worker.environment?.[name]);
  }
  assert.equal(worker.environment?.AWS_ENDPOINT_URL_STS, `http://sts:${sts.PORT}`);
});

test('each volume that a service names is declared, and each that is declared is used', () => {
  const sources = services.flatMap(([, { volumes = [] }]) =>
    volumes.map((volume) => volume.split(':')[0] ?? ''),
  );
  const folders = sources.filter((source) => source.startsWith('./'));
  const named = sources.filter((source) => !source.startsWith('./'));
  assert.deepEqual(named.sort(), Object.keys(compose.volumes).sort());
  for (const folder of folders) assert.ok(existsSync(join(root, folder)), folder);
});

test('docker compose builds the workers from the last stage and STS from an existing stage', () => {
  assert.equal(worker.build, '.');
  const build = service('sts').build;
  assert.ok(typeof build === 'object');
  const harness = stages.find(({ name }) => name === build.target) ?? assert.fail(`no stage ${build.target}`);
  const script: string[] = JSON.parse(only(harness, 'CMD'));
  assert.ok(existsSync(join(root, script[0] ?? '')));
});

test('docker compose serves the page from the same stage as STS, and never a worker', () => {
  const page = service('page');
  assert.deepEqual(page.build, service('sts').build);
  assert.ok(existsSync(join(root, page.command?.[0] ?? '')));
  assert.ok(
    copies(stages.find(({ name }) => name === 'dev') ?? image).some(({ source }) => source === 'page'),
  );
  assert.ok(!copies(image).some(({ source }) => source.includes('page')));
});

test('the Dockerfile copies only files of the tree that .dockerignore allows, or of an earlier stage', () => {
  const [first, ...letIn] = read('.dockerignore')
    .split('\n')
    .filter((line) => /^[^#]/.test(line));
  assert.equal(first, '*');
  const makers: Record<string, RegExp> = {
    '/app/node_modules': /npm ci/,
    '/app/dist': /npm run build/,
    '/app/sbom.json': /npm run -s sbom > sbom.json/,
    '/app/licences.txt': /npm run -s licences > licences.txt/,
  };
  for (const [position, harness] of stages.entries()) {
    for (const { source, from } of copies(harness)) {
      if (from === undefined) {
        assert.ok(existsSync(join(root, source)), `${source} is in the tree`);
        assert.ok(letIn.includes(`!${source}`), `${source} is let in by .dockerignore`);
      } else {
        const maker = stages.slice(0, position).find(({ name }) => name === from);
        assert.ok(maker !== undefined, `there is a stage ${from} before ${harness.name}`);
        assert.match(all(maker, 'RUN').join('\n'), makers[source] ?? assert.fail(`who makes ${source}?`));
      }
    }
  }
});

test('the image has production packages only and runs the program of package.json, not as root', () => {
  const { main, bin } = JSON.parse(read('package.json'));
  assert.deepEqual(JSON.parse(only(image, 'ENTRYPOINT')), ['entrypoint']);
  assert.deepEqual(JSON.parse(only(image, 'CMD')), ['worker']);
  const entry = read('deploy/container/entrypoint');
  for (const program of [main, bin.profilectl]) assert.ok(entry.includes(`/${program}" "$@"`), program);
  assert.match(only(image, 'USER'), /^[1-9]\d*(:[1-9]\d*)?$/);
  assert.equal(only(image, 'STOPSIGNAL'), 'SIGTERM');
  assert.match(only(image, 'ENV'), /\bNODE_ENV=production\b/);
  const packages = copies(image).find(({ source }) => source === '/app/node_modules')?.from;
  const maker = stages.find(({ name }) => name === packages) ?? assert.fail('node_modules come from a stage');
  assert.match(only(maker, 'RUN'), /npm ci .*--omit=dev/);
});

test('all stages use one slim image of Node.js, of a version that package.json allows', () => {
  const { engines } = JSON.parse(read('package.json'));
  const outside = stages.map(({ base }) => base).filter((base) => !stages.some(({ name }) => name === base));
  assert.equal(outside.length, 1);
  const major = Number(/^node:(\d+)\.\d+\.\d+-\w+-slim@sha256:[0-9a-f]{64}$/.exec(outside[0] ?? '')?.[1]);
  assert.ok(major > Number(/^>=(\d+)/.exec(engines.node)?.[1]));
});

test('the health check starts no Node and uses the port that docker-compose.yml and the image set', () => {
  const [, command = ''] = only(image, 'HEALTHCHECK').split(' CMD ');
  assert.deepEqual(JSON.parse(command), ['healthy', '/livez']);
  const port = /\bHTTP_PORT=(\d+)/.exec(only(image, 'ENV'))?.[1];
  assert.equal(only(image, 'EXPOSE'), port);
  assert.equal(String(worker.environment?.HTTP_PORT), port);
});

test('the broker of docker compose loads the same mosquitto.conf and acl as the broker of the tests', () => {
  const mosquitto = service('mosquitto');
  const tested = read('dev/servers/mosquitto.ts');
  const broker = readStages(read('mosquitto/Dockerfile'));
  const copied = broker.flatMap(copies).filter(({ from }) => from === undefined);
  for (const file of ['mosquitto.conf', 'acl', 'persistence']) {
    assert.ok(existsSync(join(root, 'mosquitto', file)));
    assert.match(tested, new RegExp(`join\\(SOURCE, '${file.replace('.', '\\.')}'[,)]`));
    assert.ok(
      copied.some(({ source }) => source === file),
      `mosquitto/Dockerfile copies ${file}`,
    );
  }
  assert.deepEqual(mosquitto.build, { context: './mosquitto', target: 'development' });
  const layersOf = (name: string): string[] => {
    const stage = broker.find((candidate) => candidate.name === name);
    return stage === undefined ? [] : [...layersOf(stage.base), ...all(stage, 'COPY')];
  };
  assert.match(layersOf('development').join('\n'), /compose\.d conf\.d/);
  const last = broker.at(-1) ?? assert.fail('no stage');
  assert.match(
    all(last, 'COPY').join('\n'),
    /production\.d conf\.d/,
    'without --target it is for production',
  );
  for (const volume of mosquitto.volumes ?? [])
    assert.match(volume, /:\/mosquitto\/data$/, 'a volume hides neither mosquitto.conf nor acl');
});
