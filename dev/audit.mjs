// `npm run audit`: asks the registry for known vulnerabilities of the packages in package-lock.json. Reports clearly
// when it can't.
import { spawnSync } from 'node:child_process';

const { stdout, error } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', timeout: 60_000 });
const report = read(stdout ?? '');
const counts = report?.metadata?.vulnerabilities;

if (counts === undefined) {
  // Some registries have no such service, and some machines can't reach it; that must not stop anybody's work.
  const cause = error?.message ?? report?.message ?? report?.error?.summary ?? 'no answer';
  console.log(`npm audit: NOT CHECKED. The registry that this machine uses did not answer: ${cause}`);
} else if (counts.total > 0) {
  const { info, low, moderate, high, critical } = counts;
  console.log(
    `npm audit: ${critical} critical, ${high} high, ${moderate} moderate, ${low + info} lesser; run npm audit for details`,
  );
  for (const [name, { severity, range }] of Object.entries(report.vulnerabilities ?? {}))
    console.log(`- ${name} ${range}: ${severity}`);
  process.exitCode = 1;
} else {
  console.log('npm audit: no known vulnerability in package-lock.json');
}

/** @param {string} text */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
