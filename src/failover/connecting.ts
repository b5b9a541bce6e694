import type { PresenceNews } from '../mqtt/broker.ts';
import {
  type BrokerConnection,
  type ConnectionOptions,
  connectBroker,
  type Delivery,
} from '../mqtt/connection.ts';
import type { Log } from '../telemetry/log.ts';
import type { Failover } from './failover.ts';

/** What the connections of a worker have in common. */
export interface ConnectingSettings extends Omit<ConnectionOptions, 'url' | 'clientId' | 'presence'> {
  readonly urls: readonly string[];
  /** The topic on which the others hear of a worker, and the filter for all of them. */
  readonly presence: { readonly topicOf: (worker: string) => string; readonly filter: string };
}

interface Choice {
  /** The places of the brokers in `MQTT_URL`; default all. */
  readonly places?: readonly number[] | undefined;
  /** Hears of other workers, with the place of the broker that tells. Without it nobody hears of this connection either. */
  readonly heard?: Failover['heard'];
}

/** @returns what connects to brokers under a client id. */
export function connectingAs(
  { urls, presence, ...settings }: ConnectingSettings,
  log: Log,
  serve: (delivery: Delivery) => void,
) {
  return (clientId: string, { places, heard }: Choice = {}): BrokerConnection[] =>
    urls.flatMap((url, place) => {
      if (places && !places.includes(place)) return [];
      const own = heard && {
        topic: presence.topicOf(clientId),
        filter: presence.filter,
        onMessage: (worker: string, news: PresenceNews) => heard(worker, place, news),
      };
      const options = { ...settings, url, clientId, ...(own && { presence: own }) };
      return [connectBroker(options, serve, log.child({ connectedAs: clientId }))];
    });
}
