/** The texts of a mail with a code, without markup. */
export interface CodeMailWords {
  /** RFC 5646 tag of the language of the texts. */
  language: string;
  subject: string;
  /** Stands above the code. */
  heading: string;
  /** Stand below the code, a paragraph each. */
  explanation: readonly string[];
}

type CodeMailTemplate = (productName: string, validMinutes: number) => CodeMailWords;

/** `10 minutes`, `10 хвилин`: the plural is the language's own. */
function minutes(language: string, count: number): string {
  return new Intl.NumberFormat(language, { style: 'unit', unit: 'minute', unitDisplay: 'long' }).format(
    count,
  );
}

const english: CodeMailTemplate = (productName, validMinutes) => ({
  language: 'en',
  subject: `${productName}: your confirmation code`,
  heading: 'Your confirmation code:',
  explanation: [
    `Enter it in ${productName} to confirm this e-mail address. Valid for: ${minutes('en', validMinutes)}.`,
    'Tell it to nobody. If you did not ask for it, ignore this mail: nothing happens without the code.',
  ],
});

const ukrainian: CodeMailTemplate = (productName, validMinutes) => ({
  language: 'uk',
  subject: `${productName}: ваш код підтвердження`,
  heading: 'Ваш код підтвердження:',
  explanation: [
    `Введіть його в ${productName}, щоб підтвердити цю адресу електронної пошти. Строк дії: ${minutes('uk', validMinutes)}.`,
    'Нікому його не повідомляйте. Якщо ви не просили коду, не зважайте на цей лист: без коду нічого не станеться.',
  ],
});

/** By primary language subtag. A new language is one line here. */
const templates = new Map([
  ['en', english],
  ['uk', ukrainian],
]);

/**
 * The texts of a mail in a language, or in English if there is no template.
 * @param language - a language tag or locale name as clients write it: `uk`, `EN`, `uk-UA`, `uk_UA.UTF-8`; only its first subtag counts.
 */
export function codeMailWords(language: string, productName: string, validMinutes: number): CodeMailWords {
  const subtag = language.split(/[-_.]/, 1)[0] ?? '';
  return (templates.get(subtag.toLowerCase()) ?? english)(productName, validMinutes);
}

/** The mail's `text/plain` part. */
export function codeMailText(words: CodeMailWords, code: string): string {
  return [words.heading, code, ...words.explanation, ''].join('\n\n');
}

/** The mail's `text/html` part, without images, links or other external content. */
export function codeMailHtml(words: CodeMailWords, code: string): string {
  const paragraphs = words.explanation.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n');
  return `<!doctype html>
<html lang="${words.language}">
<head><meta charset="utf-8"><title>${escapeHtml(words.subject)}</title></head>
<body style="margin:24px;font:16px/1.5 sans-serif;color:#222">
<p>${escapeHtml(words.heading)}</p>
<p style="font:bold 32px monospace;letter-spacing:6px">${escapeHtml(code)}</p>
${paragraphs}
</body>
</html>
`;
}

/** Escape text for content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
