import { styleText } from 'node:util';
import { decode, defaultLimits } from '../src/etf/index.ts';
import { print } from '../src/etf/text.ts';
import { readFormat } from '../src/qa/formats/read.ts';

/** The output for the conversation; terminals get coloured lines. */
export interface Transcript {
  /** Writes a heading. */
  about(text: string): void;
  sent(topic: string, payload: Uint8Array): void;
  received(topic: string, payload: Uint8Array): void;
  /** Writes a line of the set-up as it is. */
  note(text: string): void;
  fault(text: string): void;
}

/** The column width for topics; most terms then begin in one column. */
const topicWidth = 26;

/** The transcript cuts longer texts off, such as session tokens; the terms themselves are checked whole. */
const longText = /"((?:\\.|[^"\\]){60})(?:\\.|[^"\\]){20,}"/g;

/** @param write - receives one line, without its end. */
export function openTranscript(write: (line: string) => void, hasColours: boolean): Transcript {
  const colour = (format: Parameters<typeof styleText>[0], text: string): string =>
    hasColours ? styleText(format, text, { validateStream: false }) : text;
  const message = (arrow: string, topic: string, payload: Uint8Array): void =>
    write(
      `${colour(arrow === '→' ? 'cyan' : 'green', `${arrow} ${topic.padEnd(topicWidth)}`)} ${text(payload)}`,
    );
  return {
    about: (line) => write(colour('dim', `% ${line}`)),
    sent: (topic, payload) => message('→', topic, payload),
    received: (topic, payload) => message('←', topic, payload),
    note: write,
    fault: (line) => write(colour('red', `✗ ${line}`)),
  };
}

/** Prints a payload in any form as Erlang text in one line; a payload that is not a term as a binary. */
function text(payload: Uint8Array): string {
  try {
    const { message = payload } = readFormat(payload, defaultLimits);
    return print(decode(message)).replace(longText, '"$1…"');
  } catch {
    return print(payload);
  }
}

/** Prints bytes as the format of the shell's `printf`, in single quotes. */
export function printfFormat(bytes: Uint8Array): string {
  const escaped = Array.from(bytes, (byte) =>
    /[\w .,:;@/+-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, '0')}`,
  );
  return `'${escaped.join('')}'`;
}
