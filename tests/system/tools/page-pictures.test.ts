/**
 * The page as a picture, with a long conversation and with many contacts, compared with the one that was looked at last.
 *
 * `PICTURES=renew` writes them anew: look at them before you commit them. Times, codes and client ids are not shown in them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type PageSystem, skip, startPageSystem } from '../../harness/page-system.ts';
import { Visitor } from '../../harness/page-visitor.ts';
import { compare, readPng } from '../../harness/picture.ts';

const golden = fileURLToPath(new URL('./golden/', import.meta.url));

/** Up to this share of a picture may look different: what another program makes of the same fonts. */
const tolerated = 0.001;

/** What differs each time has its place, but is not drawn. */
const hidden = `time, .took, .topic, .source, .plot, .key, .profile dd, .mails .meta, .mails button,
  .term .number, .number .reading, .contacts .when { visibility: hidden !important }
  * { caret-color: transparent !important }`;

const take = (visitor: Visitor, style = hidden): Promise<Buffer> =>
  visitor.page.screenshot({ fullPage: true, animations: 'disabled', style });

async function looksAs(visitor: Visitor, name: string): Promise<void> {
  const file = join(golden, `${name}.png`);
  await visitor.page.evaluate('document.activeElement.blur()');
  await visitor.page.mouse.move(0, 0);
  const taken = await take(visitor);
  if (process.env.PICTURES === 'renew') {
    mkdirSync(golden, { recursive: true });
    writeFileSync(file, taken);
    return;
  }
  const expected = readPng(readFileSync(file));
  const { share, where } = compare(expected, readPng(taken));
  if (share > tolerated) {
    const shown = join(tmpdir(), `${name}.png`);
    writeFileSync(shown, taken);
    assert.fail(
      `${(share * 100).toFixed(1)} % of ${shown} differs from ${file}, within ${JSON.stringify(where)}`,
    );
  }
}

/** The comparison itself: other edges of the same glyphs are the same picture, a part less is another one. */
async function discerns(visitor: Visitor, name: string): Promise<void> {
  const expected = readPng(readFileSync(join(golden, `${name}.png`)));
  const takenWith = (style: string): Promise<Buffer> => take(visitor, `${hidden} ${style}`);
  const differs = async (style: string): Promise<number> =>
    compare(expected, readPng(await takenWith(style))).share;
  const shown = join(tmpdir(), `${name}-bolder.png`);
  let bolder = Number.POSITIVE_INFINITY;
  // A page that draws itself again just then, on a busy machine, is another picture once.
  for (let tries = 0; tries < 3 && bolder > tolerated; tries++) {
    const taken = await takenWith(
      'body { -webkit-text-stroke: 0.15px; } main, header { translate: 0.4px 0.3px; }',
    );
    bolder = compare(expected, readPng(taken)).share;
    if (bolder > tolerated) writeFileSync(shown, taken);
  }
  assert.ok(bolder <= tolerated, `other edges of glyphs: ${bolder}, see ${shown}`);
  const less = await differs('.conversation li:first-child { visibility: hidden; }');
  assert.ok(less > tolerated, `one exchange less: ${less}`);
  const narrower = await differs('.contacts { max-height: 380px; }');
  assert.ok(narrower > tolerated, `fewer contacts in view: ${narrower}`);
}

describe('the page looks as it did', { skip, concurrency: false }, () => {
  let run: PageSystem;
  let visitor: Visitor;

  before(async () => {
    run = await startPageSystem();
    visitor = await Visitor.open(run.browser, run.page.url, {
      viewport: { width: 1280, height: 800 },
      colorScheme: 'light',
      // The page's policy refuses the style that hides what differs.
      bypassCSP: true,
    });
  });

  after(async () => {
    await visitor?.close();
    await run?.stop();
  });

  const exchanges = () => visitor.part('Conversation').getByRole('article');

  test('with a conversation of 20 exchanges', async () => {
    await converse(visitor);
    assert.equal(await exchanges().count(), 20);
    await settled(visitor);
    await looksAs(visitor, 'page-20-exchanges');
  });

  test('with 500 contacts', async () => {
    await visitor.page.getByRole('button', { name: 'Clear' }).click();
    const contacts = Array.from(
      { length: 500 },
      (_, index) => `38${String(index + 6e9)}_1 Friend ${index + 1}`,
    );
    await visitor.speakAs('Olena');
    await visitor.choose('set');
    // Pasted: `fill` types each line.
    await visitor.page.getByLabel('Contacts', { exact: true }).evaluate((element, text) => {
      Object.assign(element, { value: text });
      element.dispatchEvent(new Event('input', { bubbles: true }));
    }, contacts.join('\n'));
    await visitor.page.getByRole('button', { name: 'Send set' }).click();
    await visitor.part('Profile').getByText('500 contacts').waitFor();
    await visitor.choose('get');
    await visitor.page.getByRole('button', { name: 'Send get' }).click();
    await exchanges().first().locator('.message').nth(1).waitFor();
    await settled(visitor);
    await looksAs(visitor, 'page-500-contacts');
    await discerns(visitor, 'page-500-contacts');
  });
});

/** Makes 20 exchanges: 18 requests, of which two tell the other one. */
async function converse(visitor: Visitor): Promise<void> {
  await visitor.ask('get');
  await visitor.ask('set');
  await visitor.speakAs('Taras');
  await visitor.ask('get');
  await visitor.ask('set');
  await visitor.ask('update', { Presence: 'away' });
  await visitor.notice('Olena');
  await visitor.ask('get');
  await visitor.ask('phone');
  await visitor.speakAs('Olena’s new phone');
  for (const kind of ['get', 'phone', 'remove']) await visitor.ask(kind);
  await visitor.speakAs('Olena');
  await visitor.ask('link');
  await visitor.ask('email', { Code: '1' });
  await visitor.ask('link');
  await visitor.ask('migrate', { 'New phone': '1' });
  await visitor.choose('get');
  await visitor.page
    .getByRole('textbox', { name: 'Erlang term' })
    .fill('#\'Profile\'{phone = "1", status = get}');
  await visitor.send();
  await visitor.page.getByRole('button', { name: 'Back to the form' }).click();
  await visitor.speakAs('Taras');
  await visitor.ask('remove');
  await visitor.notice('Olena');
  await visitor.speakAs('Olena');
  await visitor.ask('phone');
  await visitor.ask('get');
}

/** Waits until the profile, the mails and the readiness are shown as they stay. */
async function settled({ page }: Visitor): Promise<void> {
  await page.locator('.reading').waitFor({ state: 'detached' });
  await page.getByText('Workers: 2 of 2 ready').waitFor();
  await page.getByRole('button', { name: /^Confirm with/ }).waitFor();
  await page.evaluate('document.fonts.ready.then(() => undefined)');
}
