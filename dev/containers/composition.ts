/** The composition of docker-compose.yml under a project name and ports of its own, and conversations with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { mailpit } from '../page/mailpit.ts';
import { freePort } from '../servers/process.ts';
import type { Engine } from './engine.ts';

export const project = 'profile-check';
const foreignClient = fileURLToPath(new URL('../../tests/system/field/foreign_client.py', import.meta.url));
const requests = ['get', 'set', 'update', 'link', 'email', 'aws', 'migrate', 'phone', 'remove'];

/** A client with its phone and the token that `profilectl session add` printed. */
export interface Session {
  readonly client: string;
  readonly phone: string;
  readonly token: string;
}

export interface Ports {
  readonly MQTT_PORT: string;
  readonly PAGE_PORT: string;
  readonly MAIL_PAGE_PORT: string;
  readonly MQTT_A_PORT: string;
  readonly MQTT_B_PORT: string;
}

/** Runs `profilectl` somewhere. */
export type Profilectl = (words: readonly string[]) => Promise<string>;

export class Composition {
  readonly ports: Ports;
  readonly tree: string;
  readonly #engine: Engine;
  #conversations = 0;

  constructor(engine: Engine, tree: string, ports: Ports) {
    this.#engine = engine;
    this.tree = tree;
    this.ports = ports;
  }

  /** Runs `docker compose`. */
  compose(...words: readonly string[]): Promise<string> {
    const where = ['--project-name', project, '--project-directory', this.tree];
    const file = ['--file', join(this.tree, 'docker-compose.yml')];
    // `run` builds first, and Compose 2.26 says so on standard output.
    const progress = words[0] === 'run' ? ['--progress', 'quiet'] : [];
    return this.docker('compose', ...progress, ...where, ...file, ...words);
  }

  docker(...words: readonly string[]): Promise<string> {
    return this.#engine.docker(words, { env: { ...this.ports } });
  }

  /** Removes containers, networks and volumes of this project, whoever left them. */
  async removeAll(): Promise<void> {
    await this.compose('--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5');
  }

  /** The containers of a service, with what their health checks say. */
  async containers(service: string): Promise<readonly { readonly ID: string; readonly Health: string }[]> {
    const printed = await this.compose('ps', '--format', 'json', service);
    return printed
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { ID: string; Health: string });
  }

  /** Names of all volumes of the engine. */
  async volumes(): Promise<readonly string[]> {
    return (await this.docker('volume', 'ls', '--quiet')).split('\n').filter((name) => name !== '');
  }

  /** `profilectl` in a running worker. */
  inWorker =
    (service = 'worker'): Profilectl =>
    (words) =>
      this.compose('exec', '--no-TTY', service, 'profilectl', ...words);

  /** Sessions of three clients that no conversation has had. @param brokers - whether the broker keeps them too. */
  async people(profilectl: Profilectl, brokers = false): Promise<readonly Session[]> {
    this.#conversations += 1;
    const sessions: Session[] = [];
    for (const [index, name] of ['olena', 'taras', 'olena_new'].entries()) {
      const client = `emqttd_${name}_${this.#conversations}`;
      const phone = `38050${this.#conversations}${index}12233`;
      const where = brokers ? [] : ['--redis-only'];
      const words = ['session', 'add', '--client', client, '--phone', phone, '--json', ...where];
      sessions.push(JSON.parse(await profilectl(words)) as Session);
    }
    return sessions;
  }

  /**
   * A foreign client goes through all nine requests.
   * @param ca - file of the authority of a broker with TLS.
   * @throws Error unless each answer was right.
   */
  async converse(people: readonly Session[], port: string, ca = '-'): Promise<void> {
    const mails = mailpit(`http://127.0.0.1:${this.ports.MAIL_PAGE_PORT}`);
    const who = people.map(({ client, phone, token }) => `${client}=${phone}=${token}`);
    const python = spawn('python3', [foreignClient, '--phone', port, ca, ...who]);
    let faults = '';
    python.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      faults += chunk;
    });
    const closed = once(python, 'close');
    const steps: string[] = [];
    for await (const line of createInterface(python.stdout)) {
      if (line !== 'code?') steps.push(line);
      else python.stdin.write(`${codeIn((await mails())[0]?.text ?? '')}\n`);
    }
    await closed;
    const missing = [...requests, 'done'].filter((step) => !steps.includes(step));
    if (missing.length > 0 || faults !== '')
      throw new Error(`the conversation lacks ${missing.join(', ')}; it had ${steps.join(', ')}\n${faults}`);
  }
}

export interface Check {
  readonly about: string;
  /** Without it no other can be right. */
  readonly isBasis?: boolean;
  run(composition: Composition): Promise<void>;
}

/** Ports that are free now. */
export async function freePorts(): Promise<Ports> {
  const ports: string[] = [];
  while (ports.length < 5) ports.push(`${await freePort()}`);
  const [MQTT_PORT = '', PAGE_PORT = '', MAIL_PAGE_PORT = '', MQTT_A_PORT = '', MQTT_B_PORT = ''] = ports;
  return { MQTT_PORT, PAGE_PORT, MAIL_PAGE_PORT, MQTT_A_PORT, MQTT_B_PORT };
}

const codeIn = (text: string): string => /\b\d{6}\b/.exec(text)?.[0] ?? 'no code';
