/** The broker's image as production runs it: TLS, the users of `profilectl broker init`, and a worker that logs in. */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateAuthority } from '../servers/certificate.ts';
import { type Check, type Composition, project } from './composition.ts';

const image = `${project}-production-broker`;
const broker = `${project}-broker`;
const volume = `${project}_broker-data`;

/** @returns the folder with the broker's certificate and that of its authority. */
async function makeCertificate(tree: string): Promise<string> {
  const authority = await certificateAuthority();
  const names = ['DNS:localhost', 'IP:127.0.0.1', `DNS:${broker}`];
  const { cert, key } = await authority.issue({ names });
  const folder = join(tree, '..', 'tls');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries({
    'server.crt': cert,
    'server.key': key,
    'ca.crt': authority.cert,
  })) {
    await writeFile(join(folder, name), text);
    // Containers read it as users of their own; it lives as long as this check.
    await chmod(join(folder, name), 0o644);
  }
  await chmod(folder, 0o755);
  return folder;
}

/** @returns the password of each user that `profilectl broker init` made in the broker's volume. */
async function initialise(composition: Composition): Promise<ReadonlyMap<string, string>> {
  const file = '/mosquitto/data/dynamic-security.json';
  const { ID } = (await composition.containers('worker'))[0] ?? { ID: '' };
  const worker = (await composition.docker('inspect', '--format', '{{.Image}}', ID)).trim();
  const place = ['run', '--rm', '--user', '1883:1883', '--volumes-from', broker];
  const printed = await composition.docker(...place, worker, 'profilectl', 'broker', 'init', '--file', file);
  return new Map(
    [...printed.matchAll(/^(\w+) (\S+)$/gm)].map(([, name = '', password = '']) => [name, password]),
  );
}

/** Options of `docker compose run` for a worker, or for `profilectl`, of this broker. */
function login(user: string, password: string, tls: string): readonly string[] {
  const settings = {
    MQTT_URL: `mqtts://${broker}:8883`,
    MQTT_USERNAME: user,
    MQTT_PASSWORD: password,
    MQTT_CA_FILE: '/tls/ca.crt',
    // Beside the sessions of the composition.
    REDIS_URL: 'redis://redis:6379/1',
    QA_MIRROR: 'off',
    QA_TEXT: 'off',
  };
  const environment = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  return ['run', '--no-deps', '--no-TTY', '--volume', `${tls}:/tls:ro`, ...environment];
}

async function converse(composition: Composition): Promise<void> {
  const tls = await makeCertificate(composition.tree);
  await composition.docker('build', '--tag', image, join(composition.tree, 'mosquitto'));
  const mounts = ['--volume', `${volume}:/mosquitto/data`, '--volume', `${tls}:/mosquitto/tls:ro`];
  const hardened = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true'];
  const place = ['--name', broker, '--network', `${project}_default`, '--publish', '127.0.0.1::8883'];
  // The volume belongs to the broker's user as soon as a container of this image has it.
  const log = ['--tmpfs', '/mosquitto/log:mode=1777'];
  await composition.docker('create', ...place, ...hardened, ...mounts, ...log, image);
  const passwords = await initialise(composition);
  await composition.docker('start', broker);
  const worker = login('worker', passwords.get('worker') ?? '', tls);
  await composition.compose(...worker, '--detach', '--name', `${project}-production-worker`, 'worker');
  const admin = login('admin', passwords.get('admin') ?? '', tls);
  const people = await composition.people(
    (words) => composition.compose(...admin, '--rm', 'worker', 'profilectl', ...words),
    true,
  );
  const [, port = ''] = /:(\d+)$/m.exec(await composition.docker('port', broker, '8883')) ?? [];
  await composition.converse(people, port, join(tls, 'ca.crt'));
}

export const productionBroker: Check = {
  about: 'the broker’s image with TLS and `broker init` serves the nine requests',
  async run(composition) {
    try {
      await converse(composition);
    } catch (error) {
      const log = await composition.docker('logs', '--tail', '40', broker).catch(() => '');
      throw new Error(`${(error as Error).message}\nThe broker's log:\n${log}`);
    } finally {
      for (const container of [`${project}-production-worker`, broker])
        await composition.docker('rm', '--force', '--volumes', container);
      await composition.docker('volume', 'rm', '--force', volume);
      await composition.docker('image', 'rm', '--force', image);
    }
  },
};
