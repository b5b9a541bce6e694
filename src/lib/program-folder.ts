/** The folder of the program, `src/` or `dist/`. The bundled worker lies one level below it too, in `dist/worker/`. */
export const programFolder = new URL('../', import.meta.url);
