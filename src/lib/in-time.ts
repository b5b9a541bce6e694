/**
 * The result of work that may take too long. The work goes on then, and its failure is ignored.
 * @returns `otherwise` after so many milliseconds.
 * @throws what `work` throws before that.
 */
export async function inTime<T, U>(work: Promise<T>, milliseconds: number, otherwise: U): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<U>((resolve) => {
    timer = setTimeout(resolve, milliseconds, otherwise);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
