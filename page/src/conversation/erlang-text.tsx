import type { ComponentChildren } from 'preact';
import { ScrollBox } from './scroll-box.tsx';

/** Longer texts are cut off here: a profile with thousands of contacts would be slow to draw. */
const shownCharacters = 20_000;

/** An Erlang term in colours. */
export function ErlangText({ text }: { text: string }) {
  const shown = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
  return (
    <ScrollBox name="term" label="Erlang term">
      <code>{coloured(shown)}</code>
    </ScrollBox>
  );
}

/** Comments, quoted atoms, strings and binaries of text, numbers, atoms; the rest is punctuation. */
const token =
  /(?<comment>^%.*)|(?<tag>'(?:\\.|[^'\\])*')|(?<text>(?:<<)?"(?:\\.|[^"\\])*"(?:\/utf8)?(?:>>)?)|(?<number>-?\b\d+(?:\.\d+(?:e[+-]?\d+)?)?)|(?<atom>[a-zß-öø-ÿ][\w@]*)/g;

function coloured(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const found of text.matchAll(token)) {
    const [word] = found;
    const [kind] = Object.entries(found.groups ?? {}).find(([, part]) => part !== undefined) ?? [''];
    parts.push(
      text.slice(end, found.index),
      <span key={found.index} class={kind}>
        {word}
      </span>,
    );
    end = found.index + word.length;
  }
  parts.push(text.slice(end));
  return parts;
}
