/** What was seen at a broker, and what to do about it, in words. */
import type { Settings } from '../config/settings.ts';
import { print } from '../etf/index.ts';
import type { DoctorOptions, Finding } from './doctor-finding.ts';
import { type Asked, patienceMs } from './doctor-question.ts';
import type { Member } from './doctor-rights.ts';

export function adviceOnConnecting(message: string): string {
  const known = connecting.find(([cause]) => cause.test(message));
  return known?.[1] ?? 'is the broker running, and is MQTT_URL its address as seen from here?';
}

/** The first that fits counts. */
const connecting: readonly (readonly [cause: RegExp, advice: string])[] = [
  [
    /not authorized|user name|password/i,
    'MQTT_USERNAME and MQTT_PASSWORD must be of a user of the broker; with --client the token must be that client’s',
  ],
  [
    /does not speak TLS|without TLS/,
    'MQTT_URL begins with mqtt:// for a port without TLS; or name the port with TLS',
  ],
  [/for TLS/, 'MQTT_URL begins with mqtts:// for a port with TLS; if it has none, see the log of the broker'],
  [/our client certificate has expired/, 'renew the certificate in MQTT_CERT'],
  [
    /client certificate/,
    'MQTT_CERT and MQTT_KEY must be a certificate for clients, signed by the authority that the broker trusts (its cafile)',
  ],
  [
    /expired|not valid yet|revoked/,
    'renew the certificate of the broker, and compare the clocks of both machines',
  ],
  [
    /another host name/,
    'MQTT_URL must name the broker as its certificate does; or put the host name of MQTT_URL into the certificate',
  ],
  [/in common/, 'the broker must take TLS 1.2 or 1.3: see tls_version and ciphers in mosquitto.conf'],
  [/certificate|tls|ssl/i, 'MQTT_CA must be the certificate that the broker’s was signed with'],
  [
    /ended the connection/,
    'see the log of the broker, and the network to it: what ends connections ends the workers’ too',
  ],
];

export function rights({ missing }: Member, { mqtt }: Settings): Finding {
  const check = 'rights';
  if (missing.length === 0)
    return { check, state: 'ok', saw: 'this user may read requests, and publish answers and notices' };
  return {
    check,
    state: 'failed',
    saw: `this user may not ${missing.join(', nor ')}`,
    advice: `give ${mqtt.username ?? 'it'} the role worker: \`profilectl broker init\` makes such a user`,
  };
}

export function subscription({ isJoined, hasShared }: Member, { refusal, isSeen }: Asked): Finding {
  const check = 'subscription';
  const advice =
    'use a broker with shared subscriptions, such as Mosquitto; without them no worker hears a request';
  if (!hasShared)
    return { check, state: 'failed', saw: 'the broker says that it has no shared subscriptions', advice };
  if (!isJoined) return { check, state: 'skipped', saw: 'this user may not join one' };
  if (refusal !== undefined)
    return {
      check,
      state: 'skipped',
      saw: 'the shared subscription is granted; nothing could be sent to it',
    };
  if (isSeen) return { check, state: 'ok', saw: 'the shared subscription delivers' };
  return { check, state: 'failed', saw: 'the shared subscription is granted, and delivers nothing', advice };
}

export function plugin(asked: Asked, { clientIdentity }: Settings): Finding {
  const check = 'plugin';
  const { refusal, isOtherRefused, client, answer } = asked;
  if (clientIdentity === 'token') return { check, state: 'skipped', saw: 'CLIENT_IDENTITY=token needs none' };
  if (isOtherRefused)
    return { check, state: 'ok', saw: 'the broker takes no request in another client’s name' };
  if (refusal !== undefined) return { check, state: 'skipped', saw: 'no request to see it on' };
  if (client?.endsWith('-another'))
    return {
      check,
      state: 'failed',
      saw: 'a request in another client’s name is delivered as it is: anybody may ask for anybody',
      advice:
        'load mosquitto/plugin/client_identity.so: `plugin plugin/client_identity.so` in mosquitto.conf',
    };
  if (client !== undefined)
    return { check, state: 'ok', saw: 'client_identity writes who has asked into each request' };
  if (answer !== undefined)
    return {
      check,
      state: 'ok',
      saw: 'the answer to a request in another’s name came to the one that asked',
    };
  return { check, state: 'skipped', saw: 'this user may not see requests, and none is answered' };
}

export function worker({ refusal, answer, milliseconds }: Asked, { client }: DoctorOptions): Finding {
  const check = 'worker';
  if (answer !== undefined)
    return { check, state: 'ok', saw: `answers ${print(answer)} after ${milliseconds} ms` };
  if (refusal !== undefined && client === undefined)
    return {
      check,
      state: 'skipped',
      saw: 'this user may not ask',
      advice: 'to see whether workers answer, give --client and --token-file of a session',
    };
  if (refusal !== undefined)
    return {
      check,
      state: 'failed',
      saw: `the broker takes no request of this client: ${refusal}`,
      advice: 'the role phone allows requests; `profilectl session add` gives it',
    };
  return {
    check,
    state: 'failed',
    saw: `no answer within ${patienceMs / 1000} s`,
    advice: 'is a worker running and ready (/readyz), and subscribed at this broker?',
  };
}

export function clients({ unmanaged }: Member): Finding[] {
  const check = 'clients';
  if (unmanaged === undefined) return [];
  if (unmanaged === '') return [{ check, state: 'ok', saw: 'this user may manage the broker’s clients' }];
  const advice =
    'MQTT_DYNAMIC_SECURITY=on needs the dynamic-security plugin, and the role clients for this user (--worker-manages-clients)';
  return [{ check, state: 'failed', saw: unmanaged, advice }];
}
