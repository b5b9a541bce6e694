// `npm start` and the scripts for development run this first: an older Node says nothing that a person understands.
import { fileURLToPath } from 'node:url';

/** @returns {string | undefined} a sentence if this Node is too old; package.json says the same to npm */
export function nodeFault(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return undefined;
  return `Node.js 20.19 or newer is needed; this is ${version}. With nvm: nvm install && nvm use`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fault = nodeFault();
  if (fault !== undefined) {
    process.stderr.write(`${fault}\n`);
    process.exit(1);
  }
}
