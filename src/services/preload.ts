import { setImmediate as turn } from 'node:timers/promises';

/** A part of the program whose library is loaded late. */
export interface Loadable {
  /** @throws Error when a file cannot be read. */
  load(): void;
}

/** The part of a logger that is used; pino's loggers fit. */
export interface PreloadLog {
  debug(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Preload {
  /** Begin, unless it has begun. */
  begin(): void;
  stop(): void;
}

/** So late it begins though the program has not become ready. */
const atLatestMs = 10_000;

/** A failed load is tried again after this time. */
const retryMs = 15_000;

/**
 * Load the libraries of services behind the start, so that the start takes no longer. No request is the first to need a
 * file of the program then: it may have been replaced by then, or no file descriptor may be left.
 * @param onEnd - called when each was tried, and again after each further try.
 */
export function preloading(
  services: Readonly<Record<string, Loadable | undefined>>,
  log: PreloadLog,
  onEnd: () => void,
): Preload {
  let begun = false;
  let told = false;
  const load = async (): Promise<void> => {
    const failed: string[] = [];
    for (const [name, service] of Object.entries(services)) {
      await turn();
      try {
        service?.load();
      } catch (error) {
        failed.push(`${name}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be loaded'}`);
      }
    }
    onEnd();
    if (failed.length === 0) return log.debug({}, 'services are loaded');
    if (!told)
      log.error({ failed }, 'files of the program cannot be read: requests to these services fail meanwhile');
    told = true;
    timer = setTimeout(() => void load(), retryMs).unref();
  };
  const begin = (): void => {
    if (begun) return;
    begun = true;
    clearTimeout(timer);
    void load();
  };
  let timer = setTimeout(begin, atLatestMs).unref();
  return {
    begin,
    stop() {
      begun = true;
      clearTimeout(timer);
    },
  };
}
