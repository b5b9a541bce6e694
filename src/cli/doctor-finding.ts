/** One thing that was looked at. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'failed' | 'skipped';
  /** What was seen, in a few words. */
  readonly saw: string;
  /** What to do about it. */
  readonly advice?: string;
}

export interface DoctorOptions {
  readonly client?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}
