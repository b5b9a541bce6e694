import { signal } from '@preact/signals';

/** What became of the last thing that was tried, where that is worth a word. */
export const outcome = signal('');

/** Try something, and tell what it returns, or why it was not done. */
export async function attempt(work: () => Promise<string>): Promise<void> {
  try {
    outcome.value = await work();
  } catch (error) {
    outcome.value = `Not done: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
