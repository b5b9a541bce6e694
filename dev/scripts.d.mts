/** What an npm script runs, what it takes, and its usage. */
export interface Script {
  readonly program: string;
  readonly setup?: string;
  readonly build?: boolean;
  readonly options: Readonly<Record<string, string | readonly unknown[]>>;
  readonly others?: string | readonly string[];
  readonly usage: string;
}
export const scripts: Readonly<Record<string, Script>>;
