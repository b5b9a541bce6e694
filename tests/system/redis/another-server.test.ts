/** docs/operations.md, "Moving to another Redis": its commands, while phones send requests. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type CertificateAuthority, certificateAuthority } from '../../../dev/servers/certificate.ts';
import { freePort, type Server } from '../../../dev/servers/process.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import { eventually } from '../../harness/harness.ts';
import { type RedisHarness, startRedisHarness } from '../../harness/redis-fixture.ts';
import { startTlsCluster } from '../../harness/tls-cluster.ts';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/operations.md', root), 'utf8');
const rights = readFileSync(new URL('deploy/redis/worker-rights', root), 'utf8').trim();
const password = 'of-default';

/** The block of shell below a heading. */
function commandsBelow(heading: string): string {
  const [, code = ''] =
    new RegExp(`^#+ ${heading}\\n.*?^ *\`\`\`sh\\n(.*?)^ *\`\`\`$`, 'ms').exec(page) ?? [];
  assert.match(code, /redis-cli/);
  return code.replaceAll(/^ {3}/gm, '');
}

/** As `deploy/redis/redis.conf` has it: TLS alone, and two users. */
async function startServer(authority: CertificateAuthority): Promise<Server> {
  const extraConfig = [
    'tls-auth-clients no',
    'tls-cluster no',
    `user default on >${password} ~* &* +@all`,
    `user worker on >of-worker ${rights}`,
  ].join('\n');
  const certificate = await authority.issue();
  return startRedis({ appendonly: true, tls: { certificate, clientCa: authority.cert }, extraConfig });
}

const urlOf = ({ port }: Pick<Server, 'port'>) => `rediss://worker:of-worker@127.0.0.1:${port}`;

/** A machine with the files of the workers, where the page's servers have ports of this one. */
class Machine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'another-redis-'));

  /** @param ports - by the names on the page; the first one is the machine's own. */
  constructor(t: TestContext, ca: Buffer, ports: Readonly<Record<string, number>>) {
    t.after(() => rmSync(this.#folder, { recursive: true }));
    for (const path of ['etc/profile-worker', 'etc/profile-ca', 'bin'])
      mkdirSync(join(this.#folder, path), { recursive: true });
    this.#write('etc/profile-worker/redis-default-password', password);
    this.#write('etc/profile-worker/redis-url', 'rediss://worker:of-worker@redis.example.org:6379\n');
    this.#write('etc/profile-ca/ca.crt', ca);
    this.#write('bin/systemctl', '#!/bin/sh\necho "$*" >> asked\n');
    const places = Object.entries(ports).map(
      ([host, port]) => `
    ${host}) port=${port} word=127.0.0.1 ;;
    ${host}:6379) word=127.0.0.1:${port} ;;`,
    );
    const script = `#!/bin/bash
port=${Object.values(ports)[0]} words=()
for word; do
  case $word in ${places.join('')}
    6379) word=$port ;;
  esac
  words+=("$word")
done
PATH=\${PATH#*:} exec redis-cli "\${words[@]}"
`;
    this.#write('bin/redis-cli', script);
  }

  /** @throws Error when it fails. */
  async run(commands: string): Promise<void> {
    const code = commands.replaceAll('/etc/', `${this.#folder}/etc/`).replaceAll('ip=$new', 'ip=127.0.0.1');
    const env = { ...process.env, PATH: `${this.#folder}/bin:${process.env.PATH}` };
    const here = ['-euo', 'pipefail', '-c', code];
    await promisify(execFile)('bash', here, { cwd: join(this.#folder, 'etc/profile-worker'), env });
  }

  read(name: string): string {
    return readFileSync(join(this.#folder, 'etc/profile-worker', name), 'utf8');
  }

  #write(path: string, text: string | Buffer): void {
    writeFileSync(join(this.#folder, path), text, { mode: 0o755 });
  }
}

/** As `systemctl restart` does it, with the settings as they are by now. */
async function restartWorker({ harness }: RedisHarness, place: number, url: string): Promise<void> {
  await harness.workers[place]?.process.stop();
  const worker = await harness.startWorker({ REDIS_URL: url, MQTT_CLIENT_ID: `profile-${place + 1}` });
  harness.workers[place] = worker;
  harness.workers.pop();
}

/** Each phone changes its profile, again and again, until it is told to stop. */
function keepSetting({ set }: RedisHarness) {
  let isOver = false;
  let count = 0;
  const asked = (async () => {
    while (!isOver) await set(`change ${++count}`);
  })();
  return {
    /** @returns the last change, which is answered. */
    async end(): Promise<string> {
      isOver = true;
      await asked;
      return `change ${count}`;
    },
  };
}

test('a server takes over from another one: each change is answered and kept, and the workers follow', async (t) => {
  const authority = await certificateAuthority();
  const [old, next] = await Promise.all([startServer(authority), startServer(authority)]);
  t.after(() => next.stop());
  const redis = { url: urlOf(old), ca: authority.cert, stop: () => old.stop() };
  const started = await startRedisHarness(t, redis, 6);
  const ports = { 'redis.example.org': old.port, 'redis2.example.org': next.port };
  const machine = new Machine(t, authority.cert, ports);
  const setting = keepSetting(started);

  await machine.run(commandsBelow('Moving to another Redis'));
  assert.match(machine.read('redis-url'), /@redis2\.example\.org:6379\n$/);
  assert.equal(machine.read('asked'), 'start profile-worker@3\n');
  const spare = await started.harness.startWorker({ REDIS_URL: urlOf(next) });
  await eventually(
    'it has the requests of the others',
    async () => (await spare.metric('profile_adopted_sessions_total')) >= 2,
  );
  for (const place of [0, 1]) await restartWorker(started, place, urlOf(next));
  await spare.process.stop();
  started.harness.workers.pop();
  const last = await setting.end();
  await started.ready();
  await old.stop();
  await started.isStored(last);
});

test('a Cluster gets profiles and sessions of a server, and what was asked meanwhile is answered', async (t) => {
  const authority = await certificateAuthority();
  const [old, cluster] = await Promise.all([startServer(authority), startTlsCluster(password, authority)]);
  t.after(() => cluster.stop());
  const redis = { url: urlOf(old), ca: authority.cert, stop: () => old.stop() };
  const started = await startRedisHarness(t, redis, 6);
  await started.set('before');
  for (const worker of started.harness.workers) await worker.process.stop();
  const asking = started.set('meanwhile');

  const [first = ''] = cluster.addresses;
  const ports = { 'redis.example.org': old.port, 'redis2.example.org': Number(first.split(':')[1]) };
  const code = `${commandsBelow('Moving to another Redis').match(/^at\(\).*?^}$/ms)?.[0]}
${commandsBelow('From one server to a Cluster').replaceAll('6380', `${await freePort()}`)}`;
  await new Machine(t, authority.cert, ports).run(code);
  const url = cluster.addresses.map((address) => `rediss://default:${password}@${address}`).join(',');
  for (const place of [0, 1]) await restartWorker(started, place, url);
  await asking;
  await started.isStored('meanwhile');
});
