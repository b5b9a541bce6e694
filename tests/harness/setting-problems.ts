import assert from 'node:assert/strict';
import { SettingsError } from '../../src/config/error.ts';
import { readSettings } from '../../src/config/settings.ts';

/** The faults of an environment, one on each line. */
export function settingProblems(env: Record<string, string>): readonly string[] {
  try {
    readSettings(env);
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    return error.problems;
  }
  return [];
}
