import { type BenchOptions, bareLoop, measureContests, withContenders, worker } from './contest.ts';
import { ratioOf, sectionOf, type Task } from './rounds.ts';
import type { Section } from './table.ts';

/** The number of contacts and of phones: some megabytes may be in flight at most. */
const sizes = [
  { contacts: 20, inFlight: 64 },
  { contacts: 1_000, inFlight: 16 },
];

/** `get` of a profile with contacts, beside the loop that sends the same number of ready bytes. */
export async function benchContacts(options: BenchOptions): Promise<Section[]> {
  const sections: Section[] = [];
  for (const { contacts, inFlight } of sizes) {
    const contenders = [bareLoop, worker].map((contender) => ({ ...contender, contacts }));
    const section = await withContenders(contenders, options.progress, async (running, load) => {
      const tasks = running.map((contender): Task => ({ contender, kind: 'get', inFlight }));
      const contests = await measureContests(tasks, load, options);
      const [reference, ours] = contests;
      if (reference === undefined || ours === undefined) throw new Error('a contender is missing');
      const ratio = ratioOf('cpuMicros', ours.results, reference.results);
      const goal = { text: 'CPU beside as many ready bytes', ratio, atMost: 1.5 };
      return sectionOf(`get, ${contacts} contacts, ${inFlight} in flight`, { contests, reference }, [goal]);
    });
    sections.push(section);
  }
  return sections;
}
