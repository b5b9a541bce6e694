import type { Settings } from '../config/settings.ts';
import { type CliClient, connectClient, ownClientId } from './client.ts';
import { adviceOnConnecting, clients, plugin, rights, subscription, worker } from './doctor-broker-words.ts';
import type { DoctorOptions, Finding } from './doctor-finding.ts';
import { type Asked, ask } from './doctor-question.ts';
import { join, type Member } from './doctor-rights.ts';
import { checkSize } from './doctor-size.ts';
import { CliFault } from './terminal.ts';

/**
 * Checks each broker: whether it can be reached, what the worker's user may do there, whether a shared subscription delivers, whether
 * the client of a request is replaced by the one that sent it, and whether a worker answers.
 */
export async function checkBroker(settings: Settings, options: DoctorOptions): Promise<Finding[]> {
  const findings = await Promise.all(
    settings.mqtt.urls.map(async (url) => {
      const own = { ...settings, mqtt: { ...settings.mqtt, urls: [url] } };
      const { host } = new URL(url);
      return (await checkOne(own, options)).map((finding) => ({
        ...finding,
        check: `${finding.check} ${host}`,
      }));
    }),
  );
  return findings.flat();
}

async function checkOne(settings: Settings, options: DoctorOptions): Promise<Finding[]> {
  const opened: CliClient[] = [];
  let onBroken: (fault: unknown) => void = () => undefined;
  // What was asked on a connection that breaks is never answered.
  const broken = new Promise<never>((_, reject) => {
    onBroken = reject;
  });
  const open = async (client: string, tokenFile?: string): Promise<CliClient> => {
    const connected = await connectClient(settings, { client, tokenFile });
    opened.push(connected);
    connected.broken.catch(onBroken);
    return connected;
  };
  try {
    return await Promise.race([broken, look(settings, options, open)]);
  } catch (error) {
    if (!(error instanceof CliFault)) throw error;
    const { message } = error;
    return [{ check: 'broker', state: 'failed', saw: message, advice: adviceOnConnecting(message) }];
  } finally {
    await Promise.all(opened.map(({ mqtt }) => mqtt.endAsync(true)));
  }
}

type Open = (client: string, tokenFile?: string) => Promise<CliClient>;

async function look(settings: Settings, options: DoctorOptions, open: Open): Promise<Finding[]> {
  const id = ownClientId(settings);
  const member = await join(await open(id), id, settings);
  const broker: Finding = { check: 'broker', state: 'ok', saw: `takes connections as ${id}` };
  const { client, tokenFile } = options;
  const asked = await askAs(client ?? id, member, {
    settings,
    asker: client === undefined ? member.connection : await open(client, tokenFile),
  });
  return [
    broker,
    rights(member, settings),
    subscription(member, asked),
    plugin(asked, settings),
    worker(asked, options),
    await checkSize(settings),
    ...clients(member),
  ];
}

interface Asking {
  readonly settings: Settings;
  readonly asker: CliClient;
}

/** Ask in another's name first. A broker that names the client by its ACL refuses that; then ask in our own. */
async function askAs(client: string, member: Member, { settings, asker }: Asking): Promise<Asked> {
  const question = { asker, client, member, withToken: settings.clientIdentity === 'token' };
  if (question.withToken) return ask({ ...question, as: client });
  const other = await ask({ ...question, as: `${client}-another` });
  if (other.refusal !== undefined) {
    const own = await ask({ ...question, as: client });
    return { ...own, isOtherRefused: own.refusal === undefined };
  }
  if (other.client === client || other.answer !== undefined) return other;
  // The answer to that went to another: so ask once more, to hear whether there is a worker.
  const { answer, milliseconds } = await ask({ ...question, as: client });
  return { ...other, answer, milliseconds };
}
