import { type Fragment, listElements, listOf } from '../../etf/index.ts';
import { isUnset, unset } from '../../protocol/fields.ts';
import { isRecord } from '../../protocol/record.ts';
import type { DumpFile } from '../dump/dump-file.ts';
import type { RosterTable } from '../dump/roster-table.ts';
import { DumpFault, type DumpTerm, maxTermBytes } from '../dump/term.ts';
import { changeOf, faultOfRoster } from '../profile-change.ts';
import type { Progress } from '../progress.ts';
import { type AuthLayout, readStoredAuth, readStoredProfile, rosterId, rosterKey } from './records.ts';
import type { RecordKind, Remark, Report } from './report.ts';
import type { Result, Target } from './targets.ts';
import { Window } from './window.ts';

export interface ImporterDeps {
  readonly target: Target;
  readonly table: RosterTable;
  readonly report: Report;
  readonly progress: Progress;
  /** @returns why no phone may have this client id, if so. */
  readonly faultOfClient: (client: string) => string | undefined;
  readonly authLayout?: AuthLayout | undefined;
}

/** A term with the file that it is in. */
interface Place {
  readonly file: string;
  readonly at: string;
}

/** Takes records out of dumps: first all rosters, then profiles, which name them, and sessions. */
export class Importer {
  readonly #deps: ImporterDeps;
  readonly #window = new Window();

  constructor(deps: ImporterDeps) {
    this.#deps = deps;
  }

  async run(files: readonly DumpFile[]): Promise<void> {
    const { table, report } = this.#deps;
    for (const file of files)
      await this.#each(file, 'rosters', (term, place) => this.#keepRoster(term, place));
    await table.flush();
    for (const file of files) await this.#each(file, 'profiles', (term, place) => this.#take(term, place));
    await this.#window.end();
    report.counts.unusedRosters = table.unused;
  }

  /** A file that can't be read to its end is reported once, by the second of the two passes. */
  async #each(
    { path, terms }: DumpFile,
    pass: 'rosters' | 'profiles',
    work: (term: DumpTerm, place: Place) => Promise<void>,
  ): Promise<void> {
    const { progress, report } = this.#deps;
    const shown = () =>
      pass === 'rosters' ? 'reading rosters' : `${report.counts.profiles.imported} profiles`;
    try {
      for await (const term of terms((bytes) => progress.add(bytes, shown())))
        await work(term, { file: path, at: term.at });
    } catch (error) {
      if (!(error instanceof DumpFault)) throw error;
      if (pass === 'rosters') return;
      report.brokenFiles++;
      await this.#remark({
        file: path,
        at: error.at,
        reason: `${error.message}; the rest of the file is not read`,
      });
    }
  }

  async #keepRoster(term: DumpTerm, place: Place): Promise<void> {
    if (term.name !== 'Roster') return;
    const { table, report } = this.#deps;
    const fragment = read(term);
    const id = typeof fragment === 'string' ? undefined : rosterId(fragment);
    // What is in it is checked with the profile that names it.
    if (typeof fragment === 'string' || id === undefined) {
      report.counts.rosters.refused++;
      return this.#remark({
        ...place,
        reason: typeof fragment === 'string' ? fragment : faultOfRoster(fragment),
      });
    }
    if (!(await table.add(id, fragment)))
      await this.#remark({ ...place, reason: 'another roster of this id stands before it; this one counts' });
    report.counts.rosters.read++;
  }

  async #take(term: DumpTerm, place: Place): Promise<void> {
    if (term.name === 'Roster') return;
    if (term.name !== 'Profile' && term.name !== 'Auth') {
      this.#deps.report.counts.others++;
      return;
    }
    const kind = term.name === 'Profile' ? 'profiles' : 'sessions';
    const fragment = read(term);
    if (typeof fragment === 'string') return this.#refuse(kind, place, { reason: fragment });
    if (kind === 'profiles') await this.#takeProfile(fragment, place);
    else await this.#takeAuth(fragment, place);
  }

  async #takeProfile(fragment: Fragment, place: Place): Promise<void> {
    const profile = readStoredProfile(fragment);
    if ('reason' in profile) return this.#refuse('profiles', place, profile);
    const { phone } = profile;
    const rosters = await this.#joined(profile.rosters, { ...place, phone });
    const change = typeof rosters === 'string' ? rosters : changeOf({ ...profile, rosters });
    if (typeof change === 'string') return this.#refuse('profiles', place, { phone, reason: change });
    const bytes = fragment.length + rosters.length;
    await this.#window.add(phone, bytes, async () =>
      this.#note('profiles', { ...place, phone }, await this.#deps.target.profile(phone, change)),
    );
  }

  async #takeAuth(fragment: Fragment, place: Place): Promise<void> {
    const auth = readStoredAuth(fragment, this.#deps.authLayout);
    if ('reason' in auth) return this.#refuse('sessions', place, auth);
    const { client, phone } = auth;
    const reason = this.#deps.faultOfClient(client);
    if (reason !== undefined) return this.#refuse('sessions', place, { phone, reason });
    await this.#window.add(`client ${client}`, fragment.length, async () =>
      this.#note('sessions', { ...place, phone }, await this.#deps.target.session(auth)),
    );
  }

  /** The rosters of a profile, records in the place of ids. @returns why not, if they are no list or too large. */
  async #joined(rosters: Fragment, place: Omit<Remark, 'reason'>): Promise<Fragment | string> {
    const elements = isUnset(rosters) ? [] : listElements(rosters);
    if (elements === undefined) return 'rosters are no list';
    let bytes = 0;
    const joined: Fragment[] = [];
    for (const element of elements) {
      const roster = isRecord(element, 'Roster') ? element : await this.#rosterOf(element, place);
      bytes += roster.length;
      if (bytes > maxTermBytes) return `its rosters have more than ${maxTermBytes / 2 ** 20} MiB`;
      joined.push(roster);
    }
    return joined.length === 0 ? unset : listOf(joined);
  }

  async #rosterOf(id: Fragment, place: Omit<Remark, 'reason'>): Promise<Fragment> {
    const { table, report } = this.#deps;
    const key = rosterKey(id);
    const roster = key === undefined ? undefined : await table.get(key);
    if (roster !== undefined) return roster;
    report.counts.missingRosters++;
    await this.#remark({ ...place, reason: 'a roster that it names is not in the dump' });
    return id;
  }

  async #note(kind: RecordKind, place: Omit<Remark, 'reason'>, result: Result): Promise<void> {
    if (typeof result !== 'string') return this.#refuse(kind, place, { ...place, ...result });
    this.#deps.report.count(kind, result);
    if (result === 'kept')
      await this.#remark({ ...place, reason: 'another one is there and stays; --overwrite replaces it' });
  }

  async #refuse(
    kind: RecordKind,
    place: Place,
    refused: { reason: string; phone?: string | undefined },
  ): Promise<void> {
    this.#deps.report.count(kind, 'refused');
    await this.#remark({ ...place, phone: refused.phone, reason: refused.reason });
  }

  async #remark(remark: Remark): Promise<void> {
    this.#deps.progress.clear();
    await this.#deps.report.remark(remark);
  }
}

/** The term, or why it is none. */
function read(term: DumpTerm): Fragment | string {
  try {
    return term.read();
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be read';
  }
}
