/** The real Prometheus, with the alert rules of deploy/prometheus, and what can be asked of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { type Server, startServer } from '../../dev/servers/process.ts';

const deployed = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url));

/** The name under which alerts and dashboard look for the workers. */
const { job_name } = parse(readFileSync(join(deployed, 'prometheus.yml'), 'utf8')).scrape_configs[0];

/**
 * Start a Prometheus that scrapes workers at these addresses, `host:port`, and evaluates the rules, five times a second.
 * @param rules - instead of those of deploy/prometheus.
 * @param scrape - the interval, and how long it waits for a page.
 */
export function startPrometheus(
  targets: readonly string[],
  rules?: object,
  scrape = '200ms',
): Promise<Server> {
  const configuration = {
    global: { scrape_interval: scrape, scrape_timeout: scrape, evaluation_interval: '200ms' },
    rule_files: ['alerts.yml'],
    scrape_configs: [{ job_name, file_sd_configs: [{ files: ['targets.json'] }] }],
  };
  const options = '--config.file=prometheus.json --storage.tsdb.path=data';
  return startServer({
    command: 'sh',
    // It takes the address on the command line alone.
    arguments: ['-c', `exec prometheus ${options} --web.listen-address="127.0.0.1:$(cat port)"`],
    protocol: 'http',
    ready: /Server is ready to receive web requests/,
    configure: async (folder, port) => {
      await writeFile(join(folder, 'port'), String(port));
      await setTargets({ folder }, targets);
      await writeFile(join(folder, 'prometheus.json'), JSON.stringify(configuration)); // JSON is YAML too
      if (rules === undefined) await copyFile(join(deployed, 'alerts.yml'), join(folder, 'alerts.yml'));
      else await writeFile(join(folder, 'alerts.yml'), JSON.stringify(rules));
    },
  });
}

/** Have it scrape these workers from now on; it sees at once that the file has changed. */
export async function setTargets(
  { folder }: Pick<Server, 'folder'>,
  targets: readonly string[],
): Promise<void> {
  await writeFile(join(folder, 'targets.new'), JSON.stringify([{ targets }]));
  await rename(join(folder, 'targets.new'), join(folder, 'targets.json'));
}

/** Ask its HTTP API. */
export function askPrometheus<T>(
  prometheus: Server,
  path: string,
  query: Record<string, string>,
): Promise<T> {
  const url = `${prometheus.url}/api/v1/${path}?${new URLSearchParams(query)}`;
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => {
        const { status, data, error } = JSON.parse(body);
        if (status === 'success') resolve(data);
        else reject(new assert.AssertionError({ message: `${query.query ?? path}: ${error}` }));
      });
    }).on('error', reject);
  });
}
