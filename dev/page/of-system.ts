import type { System } from '../system.ts';
import { watchFiles } from '../watch.ts';
import { pageFolder } from './build.ts';
import { type RunningPage, startPage } from './server.ts';

const shownMails = 20;

/** Serves the page for a system on this machine, on a free port. @throws Error when the page does not build. */
export function startPageOf({ mosquitto, redis, smtp, workers }: System): Promise<RunningPage> {
  return startPage({
    brokerUrl: mosquitto.url,
    redisUrl: redis.url,
    workers: async () => workers.map(({ name, httpPort }) => ({ name, url: `http://127.0.0.1:${httpPort}` })),
    mails: async () =>
      smtp
        .mails()
        .slice(-shownMails)
        .reverse()
        .map(({ to, subject, text, receivedAt }) => ({ to, subject, text, receivedAt })),
  });
}

/**
 * Rebuilds the page when its source changes; the browser shows it at the next reload.
 * @param report - receives a fault in the source; the last good build stays in service.
 * @returns ends the watch.
 */
export function rebuildOnChange(page: RunningPage, report: (fault: Error) => void): () => void {
  return watchFiles(
    pageFolder,
    (path) => /(^|\/)[^./][^/]*\.(tsx?|css|html|svg)$/.test(path),
    () => void page.rebuild().catch(report),
  );
}
