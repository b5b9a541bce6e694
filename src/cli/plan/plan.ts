import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { formats } from '../payloads.ts';
import { CliFault } from '../terminal.ts';

/** A test plan as it stands in a YAML file; docs/qa.md, "Test plans", explains each key. */
const name = z.string().regex(/^\w+$/, 'is not made of letters, digits and _');
/** A term, or what it must look like: Erlang text, or an object as in JSON. */
const pattern = z.union(
  [z.string().min(1), z.record(z.string(), z.json())],
  'is neither Erlang text nor an object',
);
const milliseconds = z.number().positive();
const received = z.strictObject({ to: z.string().min(1), expect: pattern });

const client = z.strictObject({
  client: z.string().min(1).optional(),
  phone: z.string().min(1).optional(),
  token_file: z.string().min(1).optional(),
});

const step = z.strictObject({
  name: z.string().optional(),
  as: z.string().min(1),
  request: pattern,
  form: z.enum([...formats, 'raw']).default('etf'),
  expect: pattern.optional(),
  allows: z.array(pattern).default([]),
  answers: z.array(received).default([]),
  notices: z.array(received).default([]),
  mail: z.strictObject({ to: z.string().min(1), code: name }).optional(),
  within: milliseconds.optional(),
  timeout: milliseconds.default(10_000),
  quiet: milliseconds.optional(),
});

const schema = z.strictObject({
  name: z.string().optional(),
  variables: z.record(name, z.union([z.string(), z.int(), z.boolean()])).default({}),
  clients: z.record(z.string().min(1), client).default({}),
  steps: z.array(step).min(1, 'has no step'),
});

export type Plan = z.output<typeof schema> & { readonly file: string };
export type Step = Plan['steps'][number];
export type PlanPattern = z.output<typeof pattern>;

/** A plan that cannot be read. */
class PlanFault extends CliFault {
  constructor(message: string) {
    super(message, 2);
  }
}

/** Read a plan. @throws PlanFault with a line for each thing that is wrong, and where it stands. */
export async function readPlan(file: string): Promise<Plan> {
  const text = await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new PlanFault(`${file} cannot be read: ${code}`);
  });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}, line ${line}, column ${col}`;
  };
  const [broken] = document.errors;
  if (broken !== undefined) throw new PlanFault(`${placeOf(broken.pos[0])}: ${broken.message}`);
  const read = schema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (read.success) return { ...read.data, file };
  const problems = read.error.issues.map(({ path, message }) => {
    const node = deepest(document, path);
    const where = node === undefined ? file : placeOf(node);
    return `${where}: ${path.map(String).join('.') || 'the plan'}: ${message}`;
  });
  throw new PlanFault(problems.join('\n'));
}

/** Where the value at a path begins, or the last of those around it that is there. */
function deepest(
  document: ReturnType<typeof parseDocument>,
  path: readonly PropertyKey[],
): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}

/** A path in a plan counts from the folder of its file. */
export function besidePlan({ file }: Plan, path: string): string {
  return resolve(dirname(file), path);
}
