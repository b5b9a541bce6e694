/** So many characters of a line fit into the window of MQTT Explorer, which does not break lines. */
export const windowWidth = 58;

/** Break a text at white space into lines that fit; what has none, such as a topic, stays whole. */
export function wrapped(text: string, width = windowWidth): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
