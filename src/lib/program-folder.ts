/** The folder of the program's files: `src/` or `dist/`. The worker is bundled into a folder of `dist/`, one level down like this file. */
export const programFolder = new URL('../', import.meta.url);
