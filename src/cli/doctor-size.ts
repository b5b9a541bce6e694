import type { Settings } from '../config/settings.ts';
import { inTime } from '../lib/in-time.ts';
import { NOT_AUTHORIZED } from '../mqtt/publish-errors.ts';
import { Topics } from '../protocol/topics.ts';
import { connectClient, ownClientId } from './client.ts';
import type { Finding } from './doctor-finding.ts';
import { patienceMs } from './doctor-question.ts';

/** The profile of a phone with some 300 contacts. */
const bytes = 65_536;

/** More than its topic and properties have. */
const headBytes = 1_024;

/** Publishes an answer of a common size that nobody reads, on a connection of its own: a broker may end that for its size. */
export async function checkSize(settings: Settings): Promise<Finding> {
  const check = 'size';
  const client = ownClientId(settings);
  const { mqtt, connack, broken } = await connectClient(settings, { client });
  const { maximumPacketSize = Number.POSITIVE_INFINITY } = connack.properties ?? {};
  try {
    if (maximumPacketSize < bytes + headBytes)
      return tooLarge(`its largest packet is ${maximumPacketSize} bytes`);
    const answer = new Topics(settings.topics).answer(client);
    const taken = mqtt.publishAsync(answer, Buffer.alloc(bytes), { qos: 1 });
    const isTaken = await inTime(Promise.race([taken, broken]), patienceMs, undefined);
    if (isTaken === undefined) return tooLarge('it does not confirm it');
    return { check, state: 'ok', saw: 'takes an answer of 64 KiB' };
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown };
    if (code === NOT_AUTHORIZED) return { check, state: 'skipped', saw: 'this user may publish no answers' };
    return tooLarge(message);
  } finally {
    await mqtt.endAsync(true);
  }
}

function tooLarge(why: string): Finding {
  return {
    check: 'size',
    state: 'failed',
    saw: `takes no answer of 64 KiB: ${why}`,
    advice:
      'raise max_packet_size and message_size_limit of the broker, above PROFILE_BYTES: a larger answer becomes internal',
  };
}
