import type { FileHandle } from 'node:fs/promises';
import { shortenPhone } from '../../lib/shorten-phone.ts';
import { openNew } from '../files.ts';
import type { Terminal } from '../terminal.ts';

export type Outcome = 'imported' | 'replaced' | 'there' | 'kept' | 'refused';
export type RecordKind = 'profiles' | 'sessions';

/** What became of one record, if there is something to say about it. */
export interface Remark {
  readonly file: string;
  /** `line 12` or `byte 4096`. */
  readonly at: string;
  readonly phone?: string | undefined;
  readonly reason: string;
}

export type Counts = Record<RecordKind, Record<Outcome, number>> & {
  readonly rosters: { read: number; refused: number };
  /** Ids in profiles that the dump has no roster for; they are stored as bare ids. */
  missingRosters: number;
  /** Rosters that no profile names. */
  unusedRosters: number;
  /** Terms of other tables. */
  others: number;
};

/** Printed; the file of `--report` has all. */
const mostPrinted = 20;

/** Counts what became of the records, and tells why something was not imported. Phones are shortened. */
export class Report {
  readonly counts: Counts = {
    profiles: { imported: 0, replaced: 0, there: 0, kept: 0, refused: 0 },
    sessions: { imported: 0, replaced: 0, there: 0, kept: 0, refused: 0 },
    rosters: { read: 0, refused: 0 },
    missingRosters: 0,
    unusedRosters: 0,
    others: 0,
  };
  /** How many files could not be read to their end. */
  brokenFiles = 0;
  readonly #terminal: Terminal;
  readonly #file: FileHandle | undefined;
  #unwritten = '';
  #remarks = 0;

  private constructor(terminal: Terminal, file: FileHandle | undefined) {
    this.#terminal = terminal;
    this.#file = file;
  }

  /** @param path - a new file for all remarks, a JSON object a line. @throws CliFault if it is there. */
  static async open(terminal: Terminal, path: string | undefined): Promise<Report> {
    return new Report(terminal, path === undefined ? undefined : await openNew(path));
  }

  count(kind: RecordKind, outcome: Outcome): void {
    this.counts[kind][outcome]++;
  }

  /** Something was not imported, or not as it was. */
  async remark({ file, at, phone, reason }: Remark): Promise<void> {
    const short = phone === undefined ? undefined : shortenPhone(phone);
    this.#remarks++;
    if (this.#remarks <= mostPrinted)
      this.#terminal.note(`${file}, ${at}${short === undefined ? '' : `, phone ${short}`}: ${reason}`);
    if (this.#remarks === mostPrinted + 1)
      this.#terminal.note(
        this.#file === undefined ? 'and more: --report <file> takes all' : 'and more: see the report',
      );
    if (this.#file === undefined) return;
    this.#unwritten += `${JSON.stringify({ file, at, phone: short, reason })}\n`;
    if (this.#unwritten.length > writeCharacters) await this.#flush();
  }

  async #flush(): Promise<void> {
    const text = this.#unwritten;
    this.#unwritten = '';
    await this.#file?.write(text);
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#file?.close();
  }

  /** The table of counts. */
  lines(): string[] {
    const { counts } = this;
    const outcomes: readonly Outcome[] = ['imported', 'replaced', 'there', 'kept', 'refused'];
    const cells = (words: readonly (string | number)[]) =>
      words.map((word, index) => String(word)[index === 0 ? 'padEnd' : 'padStart'](10)).join('');
    return [
      cells(['', ...outcomes]),
      ...(['profiles', 'sessions'] as const).map((kind) =>
        cells([kind, ...outcomes.map((outcome) => counts[kind][outcome])]),
      ),
      `${counts.rosters.read} rosters of a table read, ${counts.rosters.refused} refused`,
      ...(counts.missingRosters > 0
        ? [`${counts.missingRosters} roster ids have no roster in the dump and stay bare ids`]
        : []),
      ...(counts.unusedRosters > 0 ? [`${counts.unusedRosters} rosters are named by no profile`] : []),
      ...(counts.others > 0 ? [`${counts.others} terms are of other tables`] : []),
      ...(this.brokenFiles > 0 ? [`${this.brokenFiles} files could not be read to their end`] : []),
    ];
  }

  get isClean(): boolean {
    const { profiles, sessions, rosters } = this.counts;
    return profiles.refused + sessions.refused + rosters.refused + this.brokenFiles === 0;
  }
}

const writeCharacters = 65_536;
