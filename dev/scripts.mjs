// What each npm script runs, what it takes, and its usage. It needs only Node: `--help` works before any set-up.

/**
 * An option: `flag` takes no value; `text` any; `port` 1 to 65535; `count` a whole number above 0; `number` any above 0;
 * `seed` a number from 0; `numbers` several with commas between; a list: one of these.
 * @typedef {'flag' | 'text' | 'port' | 'count' | 'number' | 'seed' | 'numbers' | readonly string[]} Kind
 *
 * @typedef {object} Script
 * @property {string} program its file
 * @property {string} [setup] what dev/setup.mjs puts in place for it
 * @property {boolean} [build] whether it needs `npm run build`
 * @property {Record<string, Kind | readonly [Kind]>} options in brackets: may be given several times
 * @property {Kind} [others] of the words that are no options; without it there are none
 * @property {string} usage
 */

const mix = 'get=89.5,set=3.5,update=4,link=0.4,email=0.4,aws=1,remove=0.1,migrate=0.3,phone=0.3,init=0.5';
const redisKinds = ['single', 'sentinel', 'cluster'];
const faultKinds = [
  ...['kill', 'term', 'freeze', 'cutBroker', 'cutRedis', 'restartRedis', 'failover', 'hangMail', 'hangSts'],
  ...['restartBroker', 'killBroker'],
];
const floodRows = [
  ...[
    'control',
    'count',
    'zipped',
    'deep',
    'wide',
    'bytes-read',
    'unread',
    'fan-out',
    'sts',
    'mail',
    'wrong-tokens',
  ],
  ...['retained', 'will', 'poison'],
];
const fuzzTargets = ['etf', 'records', 'text', 'forms'];

/** @type {Record<string, Script>} */
export const scripts = {
  dev: {
    program: 'dev/main.ts',
    setup: 'dev',
    options: { once: 'flag', worker: 'text', inspect: 'port', field: 'flag' },
    usage: `npm run dev -- [OPTION]...

Starts broker, Redis, mail sink, STS and two workers on free ports of this machine, holds a conversation with them, then serves
a page for the browser until Ctrl-C. It touches no running server and leaves nothing behind.

  --once           end after the conversation; exit code 0 only if every answer and notice was right
  --field          phones log in as api with their token, wait for a first profile, and never subscribe
  --worker FILE    run this program as the worker, such as dist/main.js; default src/main.ts
  --inspect PORT   one worker only, with a debugger's door at this port of 127.0.0.1

Settings in the environment are those of the workers: CLIENT_RATE=5 npm run dev. A line names those that are not taken,
since broker, Redis, mail sink and STS are its own.`,
  },
  bench: {
    program: 'bench/main.ts',
    setup: 'bench',
    build: true,
    options: { quick: 'flag', build: ['text'] },
    others: [
      ...['get', 'changes', 'cold', 'limits', 'contacts', 'fan-out', 'growth', 'process', 'etf'],
      ...['nestjs', 'traces', 'costs', 'prices'],
    ],
    usage: `npm run bench -- [--quick] [--build NAME=FILE]... [BENCHMARK]...

  --quick             few and short rounds, some two minutes, more on a busy machine; the figures are rough
  --build NAME=FILE   also measure another build of the worker, whose program FILE is

  BENCHMARK  get       a get from phone to phone, beside loops that check nothing, and beside NestJS if that is there
             changes   set, update and email beside a loop that writes the same
             cold      the first requests after a start beside later ones
             limits    a get with clients' limits on and off
             contacts  a get of many contacts beside sending as many ready bytes
             fan-out   an update with 1,000 notices
             growth    more workers, and more profiles
             process   what a worker takes to start, and of memory
             etf       the codec beside others
  Without a name all of these are run. By their names alone:
             nestjs    installs NestJS, then runs get
             traces    a get with traces off, sampled and on
             costs     what npm run simulate counts with; in full it writes bench/simulation/costs.json
             prices    what a unit of each kind of work takes, which a client's rate limit counts`,
  },
  'bench:import': {
    program: 'bench/import.ts',
    setup: 'bench',
    build: true,
    options: {},
    others: 'text',
    usage: `npm run bench:import -- [PROFILES] [etf]

How long profilectl import takes for an old store of so many profiles (100000), and how much memory. With etf behind it: without text.`,
  },
  'bench:sessions': {
    program: 'bench/broker-acl.ts',
    setup: 'bench',
    options: {},
    others: 'seed',
    usage: `npm run bench:sessions -- [SESSIONS]...

What a list of so many sessions costs a Mosquitto with the dynamic-security plugin; default 0 1000 10000.`,
  },
  chaos: {
    program: 'tests/chaos/main.ts',
    setup: 'chaos',
    build: true,
    options: {
      redis: [redisKinds],
      long: 'flag',
      seconds: 'number',
      seed: 'seed',
      rate: 'number',
      phones: 'count',
      fault: [faultKinds],
    },
    usage: `npm run chaos -- [--long] [--redis KIND]... [--seconds N] [--seed N] [--rate N] [--phones N] [--fault KIND]...

Phones ask, while workers are killed, frozen and stopped, connections are cut, Redis and the broker restarted or failed
over, and mail server and STS hang. Exit code 0: every promise of docs/delivery.md was kept.

  --redis KIND   ${redisKinds.join(', ')}; several times: a run on each; default single
  --long         five minutes on each kind of Redis
  --seconds N    so long faults are done in a run; default 120
  --seed N       the same seed makes the same choices, though not at the same moments; default a new one
  --rate N       requests a second; default 400
  --phones N     of those that also change something; default 40
  --fault KIND   only these: ${faultKinds.join(', ')};
                 default all but killBroker, after which a broker may have forgotten what it had taken

LOG_LEVEL is that of the workers.`,
  },
  faults: {
    program: 'tests/faults/main.ts',
    setup: 'test',
    build: true,
    options: {},
    others: 'text',
    usage: `npm run faults -- [FAULT]...

Breaks each thing of the fault table of docs/operations.md on a running system, and prints what was seen. A FAULT is the beginning of
a name in the table; without one all are done. Exit code 0: all was seen as the table has it.`,
  },
  flood: {
    program: 'bench/flood/main.ts',
    setup: 'bench',
    build: true,
    options: { quick: 'flag', seconds: 'number', clients: 'count', json: 'flag' },
    others: floodRows,
    usage: `npm run flood -- [OPTION]... [ROW]...

  --quick        calm and attack of 3 seconds each, instead of 60; the p99 is that of the first burst
  --seconds 60   how long calm and attack are measured
  --clients N    so many attackers in each row, instead of its own number
  --json         prints one JSON document instead of the table, and its progress on stderr

  ROW    one of those below; without a name all are run
         control       nothing: how far two calms differ on this machine
         count         get 2,000 times a second, forty times the limit
         zipped        set of 500 bytes that become 7,000 services: 500 at once, then 50/s
         deep          set of 65,000 elements, 60 levels deep: 500 at once, then 50/s
         wide          set of 8,000 settings, 240 KB: 500 at once, then 50/s
         bytes-read    get of 256 KiB: 500 at once, then 50/s
         unread        get of the largest profile it could store, and no answer read: 500 at once, then 50/s
         fan-out       update to 4,000 strangers: 500 at once, then 50/s
         sts           aws while STS hangs, ten phones: together 500 at once, then 500/s
         mail          link of ever other addresses while the mail server hangs, ten phones: together 500 at once, then 500/s
         wrong-tokens  wrong tokens for its neighbours and for nobody, ten clients: each 200/s
         retained      retained publishes of 1 MB to ever new topics under events/: 30/s
         will          connections that break off, their wills 60 KB, retained or an update, in turn; ten clients, together 20/s
         poison        all payloads that are known to be bad, topics of 60 KB, and get of the largest profile, in turn: 500 at once, then 50/s

Goals: the others' p99 at most 1.5 times that of the calm, all of them answered with a profile, and no more than
64 MB above the calm in the broker, in Redis and in each worker. The exit code is 1 if one is missed.`,
  },
  fuzz: {
    program: 'tests/fuzz/main.ts',
    setup: 'bench',
    options: { target: [fuzzTargets], executions: 'count', seconds: 'number', seed: 'seed', keep: 'flag' },
    usage: `npm run fuzz -- [OPTION]...

Reads random inputs, guided by coverage. Exit code 1, and the inputs in base64, if a promise was broken.

  --target NAME      ${fuzzTargets.join(', ')}; may be repeated; default each in turn
  --executions N     for each target; default 3500000
  --seconds N        for each target; default 1200
  --seed N           the same seed reads the same inputs
  --keep             add to the corpus`,
  },
  load: {
    program: 'bench/load/main.ts',
    setup: 'bench',
    build: true,
    options: {
      workers: 'numbers',
      rates: 'numbers',
      seconds: 'number',
      phones: 'count',
      friends: 'seed',
      mix: 'text',
      arrivals: ['poisson', 'even'],
      p99: 'number',
      qos: ['1', '2'],
      mqtt: 'text',
      redis: 'text',
      quick: 'flag',
    },
    usage: `npm run load -- [OPTION]...

  --workers 1,2,4      measure with these numbers of workers, one after the other
  --rates 500,1000,…   requests a second, rising; ends after two rates that were too much
  --seconds 6          how long each rate is held
  --phones 2000        simulated phones
  --friends 8          contacts of each, who have it in their rosters too
  --mix ${mix}
  --arrivals poisson   or even
  --p99 100            longest p99, in milliseconds, with which the workers still keep up
  --qos 2              of requests; clients in the field use 2
  --mqtt URL --redis URL   load a system that runs already on this machine, instead of own ones
  --quick              two workers, three rates of two seconds: to see that it works`,
  },
  containers: {
    program: 'dev/containers/main.ts',
    setup: 'dev',
    options: {},
    others: 'text',
    usage: `npm run containers -- [WORD]...

The composition and the images with a real container engine: this machine's own, or for root on Debian one that runs beside the
system. Where neither can run, a sentence says why. With words only the checks whose names have one of them.`,
  },
  matrix: {
    program: 'dev/matrix/main.ts',
    setup: 'test',
    build: true,
    options: { smoke: 'flag', on: 'text' },
    others: 'text',
    usage: `npm run matrix -- [OPTION]... [FILE or FOLDER]...

The system tests on newer brokers, Redis servers and Nodes than this machine has. What cannot be fetched is skipped, and a
sentence says why. Exit code 1 when a test fails.

  --smoke     a few tests on each
  --on=NAME   one combination only`,
  },
  pictures: {
    program: 'dev/pictures.ts',
    setup: 'pictures',
    options: {},
    usage: `npm run pictures

Makes docs/pictures/page.png anew, from a real system in a real browser. docs/pictures/load.svg is made by npm run load.`,
  },
  prose: {
    program: 'dev/prose/main.ts',
    options: { wrap: 'flag', summary: 'flag' },
    usage: `npm run prose -- [--wrap] [--summary]

Checks words, sentences, lines, links, commands and figures of the documents. Exit code 1 when there are findings.

  --wrap      breaks long lines first
  --summary   counts words and sentences of each page`,
  },
  simulate: {
    program: 'bench/simulation/simulate.ts',
    options: { set: ['text'] },
    usage: `npm run simulate -- [--set NAME=VALUE]...

What a messenger of a hundred million phones would need, from measured costs and stated assumptions.

  --set contacts=20            changes an assumption; their names are in bench/simulation/assumptions.ts
  --set contacts=10..20..60    lowest, most likely, highest`,
  },
  soak: {
    program: 'bench/load/soak.ts',
    setup: 'bench',
    build: true,
    options: { minutes: 'number', rate: 'number', workers: 'count', phones: 'count', mix: 'text' },
    usage: `npm run soak -- [OPTION]...

All nine requests at one rate; exit code 1 if anything grows or goes wrong.

  --minutes 30
  --rate 300      requests a second; 70 % of the saturation that npm run load finds is a good one
  --workers 2
  --phones 2000
  --mix ${mix}`,
  },
};
