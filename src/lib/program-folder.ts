/** The folder of the program, `src/` or `dist/`. The bundled programs lie one level below it too, as `dist/worker/`. */
export const programFolder = new URL('../', import.meta.url);
