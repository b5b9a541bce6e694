import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { runShowingProgress, SetupError } from './progress.mjs';

/**
 * A program that the scripts run and npm does not install.
 * @typedef {object} Program
 * @property {string} name what the user looks for
 * @property {string} purpose why it is needed, one phrase
 * @property {string[]} scripts which npm scripts need it
 * @property {() => boolean} found whether it is there; checks the disk, and starts no process where possible
 * @property {string[]} debian packages that have it on Debian and Ubuntu
 * @property {string[]} [brew] Homebrew formulae that have it; without them the tests that need it skip on macOS
 * @property {string} [byHand] the command that installs it on macOS where Homebrew does not
 */

const everywhere = ['dev', 'test', 'bench', 'chaos', 'pictures'];
const onDebian = existsSync('/etc/debian_version');
const onMac = process.platform === 'darwin';

/** @type {Program[]} */
const programs = [
  {
    name: 'mosquitto',
    purpose: 'the MQTT broker',
    scripts: everywhere,
    found: () => hasProgram(process.env.MOSQUITTO || 'mosquitto'),
    debian: ['mosquitto'],
    brew: ['mosquitto'],
  },
  {
    name: 'the headers of mosquitto',
    purpose: 'the broker plugin is built with them',
    scripts: everywhere,
    found: () => hasHeader('mosquitto_broker.h') || hasHeader('mosquitto/broker.h'),
    debian: ['mosquitto-dev'],
    brew: ['mosquitto'],
  },
  {
    name: 'a C compiler',
    purpose: 'it builds the broker plugin',
    scripts: everywhere,
    found: hasCompiler,
    debian: ['gcc', 'libc6-dev'],
    byHand: 'xcode-select --install',
  },
  {
    name: 'make',
    purpose: 'it builds the broker plugin',
    scripts: everywhere,
    found: () => hasProgram('make'),
    debian: ['make'],
    byHand: 'xcode-select --install',
  },
  {
    name: 'redis-server',
    purpose: 'profiles and sessions are kept in it',
    scripts: everywhere,
    found: () => hasProgram(process.env.REDIS || 'redis-server'),
    debian: ['redis-server'],
    brew: ['redis'],
  },
  {
    name: 'erl',
    purpose: 'the codec is compared with Erlang itself',
    scripts: ['test', 'bench'],
    found: () => hasProgram('erl'),
    debian: ['erlang-base'],
    brew: ['erlang'],
  },
  {
    name: 'mosquitto_pub',
    purpose: 'tests publish with a client that is not ours',
    scripts: ['test'],
    found: () => hasProgram('mosquitto_pub'),
    debian: ['mosquitto-clients'],
    brew: ['mosquitto'],
  },
  {
    name: 'openssl',
    purpose: 'tests make their TLS certificates with it',
    scripts: ['test'],
    found: () => hasProgram('openssl'),
    debian: ['openssl'],
    brew: ['openssl'],
  },
  {
    name: 'valgrind',
    purpose: 'it looks for memory faults in the broker plugin',
    scripts: ['test'],
    found: () => hasProgram('valgrind'),
    debian: ['valgrind'],
  },
  {
    name: 'musl-gcc',
    purpose: 'the broker plugins are built with it as in the official image',
    scripts: ['test'],
    found: () => hasProgram('musl-gcc'),
    debian: ['musl-tools'],
  },
  {
    name: 'chromium',
    purpose: 'the page of npm run dev is tried in it',
    scripts: ['test', 'pictures'],
    found: () => hasProgram('chromium') || hasProgram('google-chrome'),
    debian: ['chromium'],
  },
  {
    name: 'paho-mqtt for Python',
    purpose: 'tests send requests with a client that is not ours',
    scripts: ['test'],
    found: hasPaho,
    debian: ['python3-paho-mqtt'],
  },
  {
    name: 'systemd-analyze',
    purpose: 'systemd itself checks the unit in deploy/systemd',
    scripts: ['test'],
    found: () => hasProgram('systemd-analyze'),
    debian: ['systemd'],
  },
  {
    name: 'docker-compose',
    purpose: 'it checks docker-compose.yml and its profiles; no Docker engine is needed for that',
    scripts: ['test'],
    found: () => hasProgram('docker-compose'),
    debian: ['docker-compose'],
    brew: ['docker-compose'],
  },
  {
    name: 'prometheus and promtool',
    purpose: 'tests scrape the worker with it, and check metrics and alert rules',
    scripts: ['test'],
    found: () => hasProgram('prometheus') && hasProgram('promtool'),
    debian: ['prometheus'],
    brew: ['prometheus'],
  },
];

/** Units of Debian's packages. Servers that set-up installs must not take ports at the next start. */
const units = [
  'mosquitto.service',
  'redis-server.service',
  'epmd.service',
  'epmd.socket',
  'prometheus.service',
];

/** @param {string} script @returns {Program[]} the programs that the script needs and this machine lacks */
export function missingPrograms(script) {
  return programs.filter(
    ({ scripts, found, brew, byHand }) =>
      scripts.includes(script) && !(onMac && brew === undefined && byHand === undefined) && !found(),
  );
}

/**
 * Installs programs with the system's package manager.
 * @param {Program[]} missing
 * @param {string} root the project's folder
 * @throws SetupError with the exact commands where the user must run them
 */
export async function installPrograms(missing, root) {
  const debian = [...new Set(missing.flatMap((program) => program.debian))];
  if (onDebian) {
    const asRoot = becomeRoot();
    if (asRoot !== undefined) return installWithApt(debian, asRoot, root);
    throw byHand(`sudo apt-get install --no-install-recommends ${debian.join(' ')}`);
  }
  const manual = [...new Set(missing.flatMap((program) => program.byHand ?? []))];
  if (onMac && hasProgram('brew') && manual.length === 0) {
    const formulae = [...new Set(missing.flatMap((program) => program.brew ?? []))];
    return runShowingProgress(`brew install ${formulae.join(' ')}`, ['brew', 'install', ...formulae], {
      cwd: root,
    });
  }
  if (onMac && manual.length > 0) throw byHand(manual.join('\n  '));
  throw byHand(`${missing.map((program) => program.name).join(', ')}\n  (on Debian: ${debian.join(' ')})`);
}

/**
 * Installs packages without starting or restarting their services: dpkg finds two stand-ins that do nothing instead
 * of the programs that start services. Nothing on the system has to be restored.
 *
 * @param {string[]} packages @param {string[]} asRoot @param {string} root
 */
async function installWithApt(packages, asRoot, root) {
  const startsNothing = join(root, '.cache', 'no-services');
  mkdirSync(startsNothing, { recursive: true });
  for (const name of ['invoke-rc.d', 'deb-systemd-invoke']) {
    writeFileSync(join(startsNothing, name), '#!/bin/sh\nexit 0\n');
    chmodSync(join(startsNothing, name), 0o755);
  }
  const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'NEEDRESTART_SUSPEND=1', 'apt-get'];
  const foreign = units.filter(hasUnit);
  try {
    await runShowingProgress('apt-get update', [...apt, 'update'], { cwd: root });
  } catch (error) {
    // With an old package list, or one of several sources down, the installation often still works.
    console.log(`  ${error.message}\n  going on with the package lists that are there`);
  }
  const options = ['--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=600'];
  const path = `DPkg::Path=${startsNothing}:/usr/sbin:/usr/bin:/sbin:/bin`;
  const install = [...apt, 'install', ...options, '-o', path, ...packages];
  await runShowingProgress(`apt-get install ${packages.join(' ')}`, install, { cwd: root });

  const ours = units.filter((unit) => hasUnit(unit) && !foreign.includes(unit));
  if (ours.length === 0 || !hasProgram('systemctl')) return;
  await runShowingProgress(
    `systemctl disable ${ours.join(' ')}`,
    [...asRoot, 'systemctl', 'disable', ...ours],
    {
      cwd: root,
    },
  );
}

/** @returns {string[] | undefined} the prefix for a command that needs root; undefined if that takes a person */
function becomeRoot() {
  if (process.getuid?.() === 0) return [];
  const sudo = hasProgram('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  return sudo ? ['sudo', '-n'] : undefined;
}

/** @param {string} what */
function byHand(what) {
  return new SetupError(
    `Set-up cannot install these programs here by itself. Please install them, then try again:\n  ${what}\n` +
      'Or run broker, Redis and workers in containers, with nothing to install: docker compose up',
  );
}

/** @param {string} name */
function hasProgram(name) {
  if (name.includes('/')) return isExecutable(resolve(name));
  // Debian keeps servers in /usr/sbin, which is not in the PATH of ordinary users.
  const extra = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin', '/opt/homebrew/sbin'];
  return [...(process.env.PATH ?? '').split(delimiter), ...extra].some((folder) =>
    isExecutable(join(folder, name)),
  );
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} name */
function hasHeader(name) {
  return ['/usr/include', '/usr/local/include', '/opt/homebrew/include'].some((folder) =>
    existsSync(join(folder, name)),
  );
}

function hasCompiler() {
  // On macOS /usr/bin/cc is there before the compiler is; on Debian gcc comes without the C library's headers.
  if (onMac)
    return existsSync('/Library/Developer/CommandLineTools') || existsSync('/Applications/Xcode.app');
  return hasProgram('cc') && (!onDebian || hasHeader('stdlib.h'));
}

function hasPaho() {
  if (onDebian) return existsSync('/usr/lib/python3/dist-packages/paho/mqtt/client.py');
  return spawnSync('python3', ['-c', 'import paho.mqtt.client'], { stdio: 'ignore' }).status === 0;
}

/** @param {string} unit */
function hasUnit(unit) {
  return existsSync(`/lib/systemd/system/${unit}`) || existsSync(`/usr/lib/systemd/system/${unit}`);
}
