import { useEffect } from 'preact/hooks';
import { brokerState } from '../broker.ts';
import { repeat } from '../server.ts';
import { known, look, ready, waiting } from './state.ts';
import { readyWorkers, span } from './waiting.ts';

/** Shows in a line whether requests are answered: broker, Redis, workers. */
export function ReadinessLine() {
  useEffect(() => repeat(1000, look), []);
  return (
    <div class="readiness">
      <Broker />
      <Redis />
      <Workers />
    </div>
  );
}

type Tone = 'connecting' | 'connected' | 'broken';

function State({ tone, text }: { tone: Tone; text: string }) {
  return (
    <p class={`line-state ${tone}`}>
      <span aria-hidden="true" /> {text}
    </p>
  );
}

function Broker() {
  const state = brokerState.value;
  const text = { connecting: 'connecting…', connected: 'connected', broken: 'no connection, trying again' };
  return <State tone={state} text={`Broker: ${text[state]}`} />;
}

function Redis() {
  const redis = known.value.parts.find(({ kind }) => kind === 'redis');
  if (redis === undefined || isBlind()) return <State tone="connecting" text="Redis: not known" />;
  const [cause] = redis.causes;
  return (
    <State tone={cause === undefined ? 'connected' : 'broken'} text={`Redis: ${cause ?? 'connected'}`} />
  );
}

function Workers() {
  if (ready.value === undefined || isBlind()) return <State tone="connecting" text="Workers: not known" />;
  const { ready: count, all } = readyWorkers(known.value.parts);
  const tone = count === 0 ? 'broken' : count < all ? 'connecting' : 'connected';
  return <State tone={tone} text={`Workers: ${count} of ${all} ready`} />;
}

/** The server of this page, which looks at the rest, does not answer. */
const isBlind = (): boolean => known.value.server.causes.length > 0;

/** Says what is waited for, and for how long. A screen reader hears what changes, not each second. */
export function WaitingList() {
  const list = waiting.value;
  const title = ready.value === false ? 'Not ready' : 'Ready without a part';
  return (
    <>
      {list.length > 0 && (
        <section class={ready.value === false ? 'not-ready' : 'not-ready partly'} aria-labelledby="not-ready">
          <h2 id="not-ready">{title}</h2>
          <ul>
            {list.map(({ name, causes, forSeconds }) => (
              <li key={name}>
                waiting for <b>{name}</b>, for <span class="span">{span(forSeconds)}</span>:{' '}
                {causes.join('; ')}
              </li>
            ))}
          </ul>
        </section>
      )}
      <p class="unseen" role="status">
        {list.length > 0 ? `${title}: waiting for ${list.map(({ name }) => name).join(', ')}` : ''}
      </p>
    </>
  );
}
