import { decode, print, type Term } from '../etf/index.ts';
import type { Topics } from '../protocol/topics.ts';
import { type Json, toJson } from '../qa/formats/json-write.ts';
import { readFormat } from '../qa/formats/read.ts';
import { answerLimits } from '../qa/formats/write.ts';
import { redact } from '../qa/redact.ts';

/** A message as `--json` shows it, for `send` and `watch` alike. */
export interface ShownMessage {
  readonly kind: 'request' | 'answer' | 'notice';
  /** A token in it is `<token>`. */
  readonly topic: string;
  /** Who asks, or is answered. */
  readonly client?: string;
  /** Whose devices a notice is for. */
  readonly phone?: string;
  readonly bytes: number;
  /** Erlang text on one line; `null` for bytes that are no term. */
  readonly text: string | null;
  /** The same as JSON, in the form of docs/qa.md. */
  readonly term: Json | null;
}

/** What a message says, by its topic and payload. @param secrets - whether codes, credentials and addresses are shown. */
export function showMessage(
  { topic, payload }: { readonly topic: string; readonly payload: Uint8Array },
  topics: Topics,
  secrets: 'shown' | 'redacted',
): ShownMessage {
  const term = termOf(payload);
  const said = term === undefined || secrets === 'shown' ? term : redact(term);
  return {
    ...addressOf(topic, topics),
    bytes: payload.length,
    text: said === undefined ? null : print(said),
    term: said === undefined ? null : toJson(said),
  };
}

/** The term of a payload in any form; `undefined` if it is none. */
export function termOf(payload: Uint8Array): Term | undefined {
  try {
    const { message } = readFormat(payload, answerLimits);
    return message === undefined ? undefined : decode(message, answerLimits);
  } catch {
    return undefined;
  }
}

function addressOf(topic: string, topics: Topics): Pick<ShownMessage, 'kind' | 'topic' | 'client' | 'phone'> {
  const request = topics.readRequest(topic);
  if (request !== undefined) {
    const { client, token } = request;
    return { kind: 'request', topic: token === '' ? topic : topics.request(client, '<token>'), client };
  }
  const client = topics.clientOfAnswer(topic);
  if (client !== undefined) return { kind: 'answer', topic, client };
  return { kind: 'notice', topic, phone: topics.phoneOfNotice(topic) ?? '' };
}
