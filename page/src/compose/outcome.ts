import { signal } from '@preact/signals';

/** The result of the last action, where it needs a message. */
export const outcome = signal('');

/** Runs an action, and shows its result, or why it failed. */
export async function attempt(work: () => Promise<string>): Promise<void> {
  try {
    outcome.value = await work();
  } catch (error) {
    outcome.value = `Not done: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
