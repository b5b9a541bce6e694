import { useSignal, useSignalEffect } from '@preact/signals';
import { nameOf } from '../people.ts';
import { known, secondsSince, waiting } from '../readiness/state.ts';
import { Bytes } from './bytes.tsx';
import { ErlangText } from './erlang-text.tsx';
import {
  type Exchange,
  exchanges,
  forgetAll,
  giveUp,
  isRefusal,
  isWaiting,
  type Message,
  summary,
} from './messages.ts';
import { givenUpWords, type Unanswered, waitingWords } from './unanswered.ts';

/** Shows all messages, newest first: each request with its answers, and notices. */
export function Conversation() {
  useSignalEffect(giveUpOld);
  return (
    <section class="conversation" aria-labelledby="conversation">
      <div class="heading">
        <h2 id="conversation">Conversation</h2>
        <button type="button" class="link" onClick={forgetAll} disabled={exchanges.value.length === 0}>
          Clear
        </button>
      </div>
      {exchanges.value.length === 0 && <p class="empty">No messages yet. Send a request.</p>}
      <ol>
        {exchanges.value.map((exchange) => (
          <li key={exchange.id}>
            <ExchangeCard exchange={exchange} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function ExchangeCard({ exchange }: { exchange: Exchange }) {
  const { phone, kind, messages } = exchange;
  const request = kind === undefined ? undefined : messages[0];
  const answers = request === undefined ? messages : messages.slice(1);
  return (
    <article aria-label={`${nameOf(phone)}, ${kind ?? 'not asked for'}`}>
      {request !== undefined && <MessageRow message={request} who={nameOf(phone)} what={kind ?? ''} />}
      {answers.map((answer) => (
        <MessageRow
          key={answer.at.getTime()}
          message={answer}
          who={nameOf(phone)}
          what={summary(answer.term)}
          received={kind === undefined && answer.isNotice ? 'notice' : 'answer'}
        />
      ))}
      {request !== undefined && answers.length === 0 && (
        <p class="waiting">{exchange.givenUp ?? waitingWords(unanswered(request))}</p>
      )}
    </article>
  );
}

function unanswered({ at }: Message): Unanswered {
  return {
    seconds: secondsSince(at.getTime()),
    waiting: waiting.value,
    parts: known.value.server.causes.length > 0 ? [] : known.value.parts,
  };
}

/** With each look at the server, as `secondsSince` counts to it. */
function giveUpOld(): void {
  for (const exchange of exchanges.value.filter(isWaiting)) {
    const [request] = exchange.messages;
    const words = request && givenUpWords(unanswered(request));
    if (words !== undefined) giveUp(exchange, words);
  }
}

interface RowProps {
  readonly message: Message;
  readonly who: string;
  readonly what: string;
  /** Absent for what was sent. */
  readonly received?: 'answer' | 'notice';
}

function MessageRow({ message, who, what, received }: RowProps) {
  const { topic, text, payload, at, term, tookMs } = message;
  const hasBytes = useSignal(false);
  const tone = received === undefined ? 'sent' : isRefusal(term) ? 'refused' : received;
  return (
    <div class={`message ${tone}`}>
      <div class="head">
        <h3>
          <span class="arrow" role="img" aria-label={received === undefined ? 'sent by' : `${received} to`}>
            {received === undefined ? '→' : '←'}
          </span>
          <span class="who">{who}</span> <span class="what">{what}</span>
        </h3>
        <p class="topic">{topic}</p>
        <p class="meta">
          {tookMs !== undefined && <span class="took">{formatMs(tookMs)}</span>}
          <button
            type="button"
            class="fold"
            aria-expanded={hasBytes.value}
            onClick={() => {
              hasBytes.value = !hasBytes.value;
            }}
          >
            {payload.length.toLocaleString('en')} bytes
          </button>
          <time dateTime={at.toISOString()}>{at.toLocaleTimeString('en-GB')}</time>
        </p>
      </div>
      <div class="messages">
        <ErlangText text={text} />
        {hasBytes.value && <Bytes bytes={payload} />}
      </div>
    </div>
  );
}

function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en')} ms`;
}
