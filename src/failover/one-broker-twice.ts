import type { BrokerConnection } from '../mqtt/connection.ts';

type Watched = Pick<BrokerConnection, 'state' | 'onState' | 'standAside'>;

/** The broker ends the older connection when it accepts the newer one. Both are seen within this time. */
const togetherMs = 250;

/** Both are lost together where the network is to blame. The first comes back, and ends the second, after twice this time or more. */
const outlastingMs = 50;

/** Once may be chance; so many times in a row are not. */
const maxStrikes = 3;

/** At a broker named twice one follows the other within seconds. */
const inRowMs = 10_000;

/** Names may lead to different brokers later. */
const asideMs = 300_000;

/**
 * Notices a broker that `MQTT_URL` names twice. Both connections of this worker have the same client id there, so each ends the
 * other, for ever. The later one in `MQTT_URL` then stays away.
 */
export function watchNames(earlier: readonly Watched[], later: Watched): void {
  for (const [place, first] of earlier.entries()) watchPair(first, later, place + 1);
}

function watchPair(first: Watched, second: Watched, number: number): void {
  let lostAt = Number.NEGATIVE_INFINITY;
  let acceptedAt = Number.NEGATIVE_INFINITY;
  let strikes = 0;
  let struckAt = Number.NEGATIVE_INFINITY;
  let isExplained = true;
  const compare = (): void => {
    if (isExplained || first.state.connected || !second.state.connected) return;
    if (Math.abs(lostAt - acceptedAt) > togetherMs) return;
    isExplained = true;
    setTimeout(strike, outlastingMs).unref();
  };
  const strike = (): void => {
    const now = performance.now();
    if (!second.state.connected || now - struckAt > inRowMs) strikes = 0;
    struckAt = now;
    if (second.state.connected && ++strikes >= maxStrikes)
      second.standAside(`it is broker ${number} under another name: name it once in MQTT_URL`, asideMs);
  };
  onTurn(first, (connected) => {
    if (connected) return;
    if (!isExplained) strikes = 0;
    isExplained = false;
    lostAt = performance.now();
    compare();
  });
  onTurn(second, (connected) => {
    if (connected) acceptedAt = performance.now();
    compare();
  });
}

/** Calls `turned` when the connection is made, and when it is lost. */
function onTurn(broker: Watched, turned: (connected: boolean) => void): void {
  let was = false;
  broker.onState(({ connected }) => {
    if (connected === was) return;
    was = connected;
    turned(connected);
  });
}
