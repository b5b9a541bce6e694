import { wrapped } from './wrap.ts';

/** Where a client reads what was wrong; `-` for one that is not known. */
export const hintTopic = (client: string): string => `qa/hint/${client || '-'}`;

/** The text of a hint, for people: its sentences in lines that MQTT Explorer shows whole, and when it was given. */
export function hintText(hint: string): string {
  return [...wrapped(hint), '', new Date().toISOString()].join('\n');
}
