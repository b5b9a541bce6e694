import swc from '@swc/core';

/**
 * The walls between folders: what each may import. Everything else is an error, types included, and so is each circle.
 * `npm run check` runs it. docs/architecture.md restates the list, and tests/unit/walls.test.ts breaks each wall on purpose.
 *
 * A name with a `/` at its end is a folder, one that ends in `.ts` or `*` is files, any other is a package.
 * The longest name that fits a file decides. Node's own modules are free; Biome keeps them from the page.
 */
const source = {
  'src/lib/': [],
  'src/etf/': [],
  'src/protocol/': ['src/etf/', 'src/lib/'],
  'src/mqtt/': ['src/lib/', 'mqtt', 'mqtt-packet'],
  'src/services/': ['src/lib/', '@aws-sdk/client-sts', 'nodemailer', 'validator'],
  'src/config/': ['src/services/', 'src/protocol/', 'src/lib/', 'envalid'],
  'src/telemetry/': [
    'src/lib/',
    '@opentelemetry/api',
    '@opentelemetry/exporter-trace-otlp-http',
    '@opentelemetry/resources',
    '@opentelemetry/sdk-trace-base',
    'pino',
    'prom-client',
  ],
  'src/store/': ['src/protocol/', 'src/etf/', 'src/lib/', 'ioredis'],
  'src/telemetry/instrumentation*': ['src/telemetry/', 'src/store/', 'src/mqtt/', 'src/services/'],
  'src/handlers/': ['src/store/', 'src/protocol/', 'src/etf/', 'src/services/', 'src/lib/'],
  'src/pipeline/': [
    'src/handlers/',
    'src/store/',
    'src/protocol/',
    'src/etf/',
    'src/mqtt/',
    'src/telemetry/instrumentation*',
    'src/telemetry/',
    'src/lib/',
  ],
  'src/failover/': ['src/store/', 'src/mqtt/', 'src/telemetry/', 'src/lib/'],
  'src/broker-acl/': ['src/store/', 'src/protocol/', 'src/mqtt/', 'src/telemetry/', 'src/lib/', 'mqtt'],
  'src/qa/formats/': ['src/protocol/', 'src/etf/', 'lossless-json'],
  'src/qa/': ['src/qa/formats/', 'src/mqtt/', 'src/protocol/', 'src/etf/'],
  'src/cli/': [
    'src/broker-acl/',
    'src/qa/',
    'src/qa/formats/',
    'src/handlers/',
    'src/store/',
    'src/protocol/',
    'src/etf/',
    'src/mqtt/',
    'src/services/',
    'src/config/',
    'src/lib/',
    'commander',
    'mqtt',
    'yaml',
    'zod',
  ],
  'src/main.ts': [
    'src/pipeline/',
    'src/handlers/',
    'src/failover/',
    'src/broker-acl/',
    'src/qa/',
    'src/store/',
    'src/protocol/',
    'src/mqtt/',
    'src/services/',
    'src/telemetry/instrumentation*',
    'src/telemetry/',
    'src/config/',
    'src/lib/',
  ],
};

/** What tests and benchmarks may import of `src`: all but what starts a worker. */
const anySource = Object.keys(source).filter((name) => name !== 'src/main.ts');

export const walls = {
  ...source,
  'dev/page/shapes.ts': [],
  'page/src/': [
    'src/qa/formats/',
    'src/protocol/',
    'src/etf/',
    'dev/page/shapes.ts',
    '@fontsource-variable/inter',
    '@fontsource-variable/jetbrains-mono',
    '@preact/signals',
    'buffer',
    'mqtt',
    'preact',
    'uplot',
  ],
  'dev/': [
    'src/config/',
    'src/handlers/',
    'src/protocol/',
    'src/qa/formats/',
    'src/etf/',
    'src/services/',
    'dev/page/shapes.ts',
    '@aws-crypto/sha256-js',
    '@smithy/signature-v4',
    'ioredis',
    'mailparser',
    'markdownlint',
    'mqtt',
    'pino-pretty',
    'playwright-core',
    'smtp-server',
    'tsx',
    'vite',
    'ws',
  ],
  'tests/harness/': [
    ...anySource,
    'dev/',
    '@axe-core/playwright',
    'ioredis',
    'mqtt',
    'mqtt-packet',
    'pino',
    'playwright-core',
    'yaml',
  ],
  'bench/': [...anySource, 'dev/', 'tests/harness/', 'hdr-histogram-js', 'ioredis', 'mqtt'],
  'tests/': [
    ...anySource,
    'dev/',
    'dev/page/shapes.ts',
    'page/src/',
    'bench/',
    'tests/harness/',
    '@aws-crypto/sha256-js',
    '@smithy/signature-v4',
    'fast-check',
    'ioredis',
    'mqtt',
    'mqtt-packet',
    'nodemailer',
    'playwright-core',
    'ws',
    'yaml',
  ],
};

const names = Object.keys(walls);
const patternOf = (glob) => glob.replace(/[.]/g, '\\.').replace(/\*/g, '[^/]*');
const end = (name) => (name.endsWith('/') ? '' : '$');

/** A pattern of the files that a name stands for, without those of the names inside it. */
function filesOf(name) {
  const inside = names.filter((other) => other !== name && other.startsWith(name));
  const others = inside.map((other) => `(?!${patternOf(other.slice(name.length))}${end(other)})`);
  return `^${patternOf(name)}${others.join('')}${end(name)}`;
}

/** A pattern of a folder, of files, or of a package with its types. */
const targetOf = (name) => (name in walls ? filesOf(name) : `(^|/)node_modules/(@types/)?${name}/`);

/** The rule of a folder has its name, so that an error begins with it. */
const walled = names.map((name) => ({
  name,
  comment: `may import ${['itself', ...walls[name]].join(', ')}`,
  severity: 'error',
  from: { path: filesOf(name) },
  to: { pathNot: [name, ...walls[name]].map(targetOf), dependencyTypesNot: ['core'] },
}));

export default {
  forbidden: [
    ...walled,
    {
      name: 'listed',
      comment: 'a file that imports something lies in a folder of the list',
      severity: 'error',
      from: { pathNot: names.map(filesOf) },
      to: {},
    },
    { name: 'no-circles', comment: 'also of types', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    parser: 'swc', // the other one needs a TypeScript before 7
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^bench/peers/' }, // programs with packages of their own
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};

/** dependency-cruiser 17 has swc read `.tsx` as if it were `.ts`, where the first element is a syntax error. */
const { parseFileSync } = swc;
swc.parseFileSync = (file, options) => parseFileSync(file, { ...options, tsx: file.endsWith('.tsx') });
