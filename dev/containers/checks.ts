/** What must be right with a real engine, in this order: each check goes on from where the one before it ended. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, type Composition, project, type Session } from './composition.ts';
import { productionBroker } from './production-broker.ts';

const up = ['up', '--detach', '--wait', '--wait-timeout', '240'];
/** For each condition that is waited for. */
const patienceMs = 120_000;

async function converse(composition: Composition): Promise<void> {
  await composition.converse(await composition.people(composition.inWorker()), composition.ports.MQTT_PORT);
}

async function healthyWorkers(composition: Composition, count: number): Promise<void> {
  const workers = await composition.containers('worker');
  assert.deepEqual(
    workers.map(({ Health }) => Health),
    Array(count).fill('healthy'),
  );
}

async function until(about: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await holds()); await sleep(1_000))
    if (Date.now() > deadline) assert.fail(`not within ${patienceMs} ms: ${about}`);
}

/** As the kernel would: after `docker kill` the engine starts nothing again, and nobody inside can kill the first process. */
async function kill(composition: Composition, container: string): Promise<void> {
  const format = '{{.State.Pid}} {{.Image}}';
  const [pid = '', image = ''] = (await composition.docker('inspect', '--format', format, container)).split(
    /\s/,
  );
  const words = ['run', '--rm', '--pid', 'host', '--user', '0', '--entrypoint', 'node', image];
  await composition.docker(...words, '--eval', `process.kill(${pid}, 'SIGKILL')`);
}

/** The one whose profile must outlive `down`. */
let kept: Session;

const composing: readonly Check[] = [
  {
    about: 'all images are built',
    isBasis: true,
    run: async (composition) => void (await composition.compose('build')),
  },
  {
    about: '`up --wait` returns with two healthy workers',
    isBasis: true,
    async run(composition) {
      await composition.compose(...up);
      await healthyWorkers(composition, 2);
    },
  },
  { about: 'a foreign client goes through the nine requests', run: converse },
  {
    about: 'the broker of 2.1 keeps what it has in a database',
    async run(composition) {
      const words = ['exec', '--no-TTY', 'mosquitto', 'ls', 'persistence.d', 'data'];
      assert.match(await composition.compose(...words), /mosquitto\.sqlite3[\s\S]*sqlite\.conf/);
    },
  },
  {
    about:
      '`exec worker profilectl doctor` and `run --rm --no-deps worker profilectl` work, and start no worker',
    async run(composition) {
      const report = await composition.inWorker()(['doctor', '--json']);
      assert.ok(report.length > 0);
      const run = ['run', '--rm', '--no-deps', '--no-TTY', 'worker', 'profilectl', '--help'];
      assert.match(await composition.compose(...run), /^Usage: profilectl /);
      await healthyWorkers(composition, 2);
    },
  },
  {
    about: 'a killed worker starts again by itself, and the other one serves meanwhile',
    async run(composition) {
      const [first] = await composition.containers('worker');
      const restarts = async () =>
        Number(await composition.docker('inspect', '--format', '{{.RestartCount}}', first?.ID ?? ''));
      await kill(composition, first?.ID ?? '');
      await converse(composition);
      await until('it is started again', async () => (await restarts()) > 0);
    },
  },
];

const changing: readonly Check[] = [
  {
    about: 'without Redis no worker is healthy, and `up --wait` fails',
    async run(composition) {
      await composition.compose('stop', 'redis');
      await until('no worker is healthy', async () =>
        (await composition.containers('worker')).every(({ Health }) => Health === 'unhealthy'),
      );
      await assert.rejects(composition.compose('up', '--detach', '--no-deps', '--wait', 'worker'));
    },
  },
  {
    about: '`up --wait` starts Redis again, and all is well',
    async run(composition) {
      await composition.compose(...up);
      await until('the workers are healthy', async () =>
        (await composition.containers('worker')).every(({ Health }) => Health === 'healthy'),
      );
      await converse(composition);
    },
  },
  {
    about: 'a killed broker comes back with `up --wait`',
    async run(composition) {
      await composition.compose('kill', 'mosquitto');
      await composition.compose(...up);
      await converse(composition);
    },
  },
  {
    about: '`restart` restarts everything',
    async run(composition) {
      await composition.compose('restart');
      await composition.compose(...up);
      await converse(composition);
    },
  },
  {
    about: '`--scale worker=4` gives four healthy workers',
    async run(composition) {
      await composition.compose(...up, '--scale', 'worker=4');
      await healthyWorkers(composition, 4);
      await converse(composition);
    },
  },
  {
    about: '`down` and `up` keep the data, and leave no anonymous volume',
    async run(composition) {
      [, kept] = (await composition.people(composition.inWorker())) as [Session, Session];
      const ask = (request: string) =>
        composition.inWorker()(['send', request, '--client', kept.client, '--phone', kept.phone]);
      await ask('set');
      await composition.compose('down');
      const ours = (await composition.volumes()).filter((name) => !name.startsWith(`${project}_`));
      assert.deepEqual(ours, []);
      await composition.compose(...up);
      assert.match(await ask('get'), new RegExp(kept.phone));
      await converse(composition);
    },
  },
];

const cluster: Check = {
  about: 'the profile `cluster` starts, and the nine requests work at each of its brokers',
  async run(composition) {
    await composition.compose('--profile', 'cluster', ...up);
    for (const port of [composition.ports.MQTT_A_PORT, composition.ports.MQTT_B_PORT])
      await composition.converse(await composition.people(composition.inWorker('cluster-worker')), port);
  },
};

const ending: Check = {
  about: '`down --volumes` leaves nothing',
  async run(composition) {
    await composition.compose('--profile', '*', 'down', '--volumes');
    const left = await composition.docker('ps', '--all', '--quiet', '--filter', `name=^${project}-`);
    assert.equal(left, '');
    assert.deepEqual(
      (await composition.volumes()).filter((name) => name.startsWith(`${project}_`)),
      [],
    );
  },
};

export const checks: readonly Check[] = [...composing, ...changing, cluster, productionBroker, ending];
