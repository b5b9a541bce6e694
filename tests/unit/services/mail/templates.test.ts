import assert from 'node:assert/strict';
import test from 'node:test';
import { codeMailHtml, codeMailText, codeMailWords } from '../../../../src/services/mail/templates.ts';

const languages: [asked: string, given: string][] = [
  ['en', 'en'],
  ['EN', 'en'],
  ['en-GB', 'en'],
  ['uk', 'uk'],
  ['UK', 'uk'],
  ['uk_UA', 'uk'],
  ['uk-UA', 'uk'],
  ['uk_UA.UTF-8', 'uk'],
  ['', 'en'],
  ['fr', 'en'],
  ['ukrainian', 'en'],
  ['constructor', 'en'],
  ['__proto__', 'en'],
  ['\r\nuk', 'en'],
];

for (const [asked, given] of languages) {
  test(`a client with the language ${JSON.stringify(asked)} gets ${given}`, () => {
    assert.equal(codeMailWords(asked, 'Example', 10).language, given);
  });
}

for (const language of ['en', 'uk']) {
  test(`${language}: text and HTML have the code, the product and the validity of the code`, () => {
    const words = codeMailWords(language, 'Example', 10);
    assert.match(words.subject, /Example/);
    for (const part of [codeMailText(words, '042137'), codeMailHtml(words, '042137')]) {
      assert.match(part, /042137/);
      assert.match(part, /Example/);
      assert.match(part, language === 'uk' ? /10 хвилин/ : /10 minutes/);
    }
  });
}

test('every language has its own explanation', () => {
  assert.notDeepEqual(
    codeMailWords('uk', 'Example', 10).explanation,
    codeMailWords('en', 'Example', 10).explanation,
  );
});

test('a product name or code cannot break out of the HTML', () => {
  const html = codeMailHtml(codeMailWords('en', '<b>"A" & \'B\'</b>', 10), '<script>');
  assert.doesNotMatch(html, /<b>|<script>/);
  assert.match(html, /&#60;b&#62;&#34;A&#34; &#38; &#39;B&#39;&#60;\/b&#62;/);
});
