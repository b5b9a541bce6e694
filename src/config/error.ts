/** Settings are missing or malformed. `problems` has a line for each, without its value. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `cannot start, ${problems.length} setting(s) to mend:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** The exit code for a bad configuration (`EX_CONFIG` of sysexits.h). */
export const EXIT_CONFIG = 78;
