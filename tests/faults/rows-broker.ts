import { type Fault, ready, row, slow, unready } from './fault.ts';

export const ofBroker: readonly Fault[] = [
  row(
    'broker-away',
    'the broker is stopped',
    unready('broker 1', 'connection refused', 'broker: …connection refused'),
  ),
  slow(
    row(
      'broker-silent',
      'the broker is frozen, or the network drops all packets',
      unready(
        'broker 1',
        'broker silent for longer than the keep-alive time',
        'broker: …no answer from the broker',
      ),
    ),
  ),
  slow(
    row(
      'broker-host',
      'the host name in `MQTT_URL` does not exist',
      unready('broker 1', 'broker host name not found', 'broker…host name not found'),
    ),
  ),
  slow(
    row(
      'broker-password',
      'the broker does not take our user and password',
      unready('broker 1', 'connection refused: not authorized', 'broker: …not authorized'),
    ),
  ),
  slow(
    row(
      'broker-certificate',
      'the certificate of the broker is not trusted',
      unready('broker 1', 'TLS: …', 'broker: …TLS: …'),
    ),
  ),
  slow(
    row(
      'broker-role',
      'our user at the broker has not the role of a worker',
      unready('broker 1', 'connection refused: not authorized', 'rights: this user may not …'),
    ),
  ),
  slow(
    row('broker-clients', 'our user may not manage the broker’s clients (`MQTT_DYNAMIC_SECURITY`)', {
      log: 'the broker’s list of clients is out of sync with the sessions; retrying…',
      readyz: 'broker 1: its list of clients is out of sync with the sessions…',
      doctor: 'clients: the broker lets this user name manage no clients (dynamic-security)',
      alerts: ['ProfileSignOutsStuck'],
    }),
  ),
  row(
    'broker-no-plugin',
    'the broker has not loaded client_identity',
    ready(
      'requests come with an empty client level…',
      'plugin: a request in another client’s name is delivered as it is…',
      'ProfileClientsUnnamed',
    ),
  ),
  row(
    'broker-answers',
    'the broker lets workers publish no answers',
    ready(
      'a broker refused a publish…',
      'rights: this user may not publish to actions/1/api/+/#',
      'ProfileAnswersRefused',
    ),
  ),
  slow(
    row('broker-cut', 'connections to the broker break again and again', {
      log: 'not subscribed: connection lost…',
      readyz: 'broker 1: connection lost',
      doctor: 'broker: …',
      alerts: ['ProfileConnectionsBreak'],
    }),
  ),
  slow(
    row('broker-twice', 'two workers have the same `MQTT_CLIENT_ID`', {
      log: 'another worker has the same MQTT_CLIENT_ID…',
      readyz: 'another worker has the same MQTT_CLIENT_ID…',
      doctor: 'client id: two workers connect as profile-observed…',
      alerts: ['ProfileConnectionsBreak'],
    }),
  ),
];
