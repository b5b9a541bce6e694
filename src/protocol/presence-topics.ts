const WORKERS = 'workers/';

/** The topic on which the broker tells the others of a group that this worker's connection is lost. */
export function presenceTopic(group: string, worker: string): string {
  return `${WORKERS}${group}/${worker}`;
}

/** The presence topics of all workers of a group. */
export function presenceFilter(group: string): string {
  return `${WORKERS}${group}/+`;
}
