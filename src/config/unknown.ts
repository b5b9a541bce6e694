/**
 * Beginnings of names that belong to this program alone. A name with another beginning counts only if it is nearly one of ours,
 * because `HTTP_PROXY` or `AWS_PROFILE` are read by others.
 */
const own = [
  'MQTT_',
  'REDIS_',
  'SMTP_',
  'MAIL_',
  'VERIFY_',
  'AWS_SESSION_',
  'CREDENTIALS_',
  'CLIENT_',
  'PROFILE_',
  'REPLY_',
  'CONTACT_',
  'ETF_',
  'QA_',
  'METRICS_',
  'HEARTBEAT_',
  'HEIR_',
  'TAKEOVER_',
];

/** Kubernetes gives each pod such names for each service: `REDIS_SERVICE_HOST`, `REDIS_PORT_6379_TCP_ADDR`. */
const ofKubernetes = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

/** The SDK of AWS reads it. */
const ofOthers: ReadonlySet<string> = new Set(['AWS_SESSION_TOKEN']);

/** A name that this program does not read, though it begins or looks like one of its own. */
export interface UnknownSetting {
  readonly name: string;
  /** The setting with the most similar name; absent if none is similar. */
  readonly nearest?: string;
}

/**
 * Find misspelt settings, which would otherwise have their default without a word.
 * @param known - the names of all settings; each may also end in `_FILE`.
 */
export function unknownSettings(env: NodeJS.ProcessEnv, known: readonly string[]): UnknownSetting[] {
  const names = new Set(known.flatMap((name) => [name, `${name}_FILE`]));
  return Object.keys(env)
    .filter((name) => !names.has(name) && !ofOthers.has(name) && !ofKubernetes.test(name))
    .flatMap((name) => {
      const [nearest, distance] = nearestOf(name, known);
      const isOwn = own.some((beginning) => name.startsWith(beginning));
      if (!isOwn && !isSlip(name, nearest, distance)) return [];
      return [{ name, ...(distance <= name.length / 3 && { nearest }) }];
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** @returns one sentence for a log or a terminal, without values. */
export function describeUnknown(settings: readonly UnknownSetting[]): string {
  const each = settings.map(({ name, nearest }) => (nearest ? `${name} (${nearest}?)` : name));
  return `unknown settings have no effect: ${each.join(', ')}`;
}

/** One character too many, one too few, one wrong, or two exchanged. */
function isSlip(name: string, nearest: string, distance: number): boolean {
  const letters = (text: string): string => [...text].sort().join('');
  return distance === 1 || (distance === 2 && letters(name) === letters(nearest));
}

function nearestOf(name: string, known: readonly string[]): [nearest: string, distance: number] {
  const bare = name.replace(/_FILE$/, '');
  let best: [string, number] = ['', Number.POSITIVE_INFINITY];
  for (const candidate of known) {
    const distance = Math.min(editDistance(name, candidate), editDistance(bare, candidate));
    if (distance < best[1]) best = [candidate, distance];
  }
  return best;
}

/** How many characters must be inserted, deleted or replaced (Levenshtein). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [place, letter] of [...one].entries()) {
    const next = [place + 1];
    for (let at = 0; at < other.length; at++) {
      const replaced = (row[at] ?? 0) + (other[at] === letter ? 0 : 1);
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
