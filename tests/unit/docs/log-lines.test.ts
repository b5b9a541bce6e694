/** docs/operations.md names each line of the log above level info, and no other; and why a broker is not usable. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** What is no literal where it is logged. */
const named: Readonly<Record<string, string>> = {
  CONFLICT: 'another worker has the same MQTT_CLIENT_ID',
  'describeUnknown(unknown)': 'unknown settings have no effect',
  message: 'MQTT_CLIENT_ID does not begin with MQTT_WORKER_PREFIX',
};

/** The messages of all calls in `src/`, and those lines that a worker writes without its logger. */
function messages(): string[] {
  const files = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts') && !file.startsWith('cli/'))
    .map((file) => read(`src/${file}`))
    .flatMap((source) => [
      ...[...source.matchAll(/\blog\??\.(?:warn|error|fatal)\(([\s\S]*?)\);?\n/g)].map(([, all = '']) =>
        said(all),
      ),
      ...[...source.matchAll(/level: 'warn',[\s\S]*?msg: '([^']+)'/g)].map(([, text = '']) => text),
    ]);
}

function said(call: string): string {
  const [text] = [...call.matchAll(/['`]([^'`]+)['`],?\s*$/g)].map(([, literal = '']) => literal);
  if (text !== undefined) return text;
  const name = call.split(/,\s*/).at(-1) ?? '';
  return named[name] ?? assert.fail(`what does this line say? ${call}`);
}

test('docs/operations.md has a row for each line of level warn, error or fatal, and for no other', () => {
  const [, section = ''] =
    /^### Lines of level warn, error and fatal\n(.*?)(?=^##)/ms.exec(read('docs/operations.md')) ?? [];
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  const documented = rows.flatMap((row) =>
    [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.replace(/…$/, '')),
  );
  const logged = messages();
  assert.ok(logged.length > 30);
  for (const message of logged)
    assert.ok(
      documented.some((text) => message.startsWith(text)),
      `not in the table: ${message}`,
    );
  for (const text of documented)
    assert.ok(
      logged.some((message) => message.startsWith(text)),
      `not in src: ${text}`,
    );
});

test('docs/operations.md has each cause for which a broker is not usable', () => {
  const [, section = ''] = /^### Lines of \/readyz\n(.*?)(?=^##)/ms.exec(read('docs/operations.md')) ?? [];
  const [, table = ''] = /^const CAUSES[^{]*\{\n(.*?)^\}/ms.exec(read('src/mqtt/causes.ts')) ?? [];
  const causes = [...table.matchAll(/: '([^']+)',$/gm)].map(([, cause = '']) => cause);
  assert.ok(causes.length > 8);
  for (const cause of causes) assert.ok(section.includes(`\`${cause}\``), cause);
});
