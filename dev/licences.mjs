// `npm run -s licences`: the packages that are shipped, with their licences and the texts that these ask to be kept.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8'));

const shipped = Object.entries(packages)
  .filter(([path, { dev = false, devOptional = false }]) => path !== '' && !dev && !devOptional)
  .map(([path, { version, license }]) => ({
    title: `${path.replace(/^.*node_modules\//, '')} ${version}: ${license}`,
    text: textIn(new URL(`${path}/`, root)),
  }));

for (const { title } of shipped) console.log(title);
for (const { title, text } of shipped) console.log(`\n${'─'.repeat(80)}\n${title}\n\n${text}`);

/** @param {URL} folder */
function textIn(folder) {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const files = names.filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
  const texts = files.map((name) => readFileSync(new URL(name, folder), 'utf8').trim());
  return texts.join('\n\n') || 'The package has no text of its licence.';
}
