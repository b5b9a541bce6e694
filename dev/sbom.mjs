// `npm run -s sbom`: a bill of materials (CycloneDX) of the packages that are shipped. It is what `npm sbom` says of all packages, without
// those for development: with `--omit dev` npm also leaves out what both need. npm names the project after its folder.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const words = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'];
const { stdout, stderr, status } = spawnSync('npm', words, { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
if (status !== 0) {
  process.stderr.write(stderr);
  process.exit(1);
}
const read = (/** @type {string} */ file) =>
  JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'));
const shipped = new Set(
  Object.entries(read('package-lock.json').packages)
    .filter(([path, { dev = false, devOptional = false }]) => path !== '' && !dev && !devOptional)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`),
);

const bill = JSON.parse(stdout);
const own = bill.metadata.component;
const isShipped = (/** @type {string} */ ref) =>
  ref === own['bom-ref'] || shipped.has(ref.replace(/\|.*/, ''));
Object.assign(own, { name: read('package.json').name, type: 'application' });
bill.components = bill.components.filter((/** @type {any} */ each) => isShipped(each['bom-ref']));
bill.dependencies = bill.dependencies
  .filter((/** @type {any} */ { ref }) => isShipped(ref))
  .map((/** @type {any} */ { ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isShipped) }));
process.stdout.write(`${JSON.stringify(bill, undefined, 2)}\n`);
