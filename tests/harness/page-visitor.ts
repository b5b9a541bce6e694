/** Somebody who looks at the page, in a real browser. */
import assert from 'node:assert/strict';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { decode, print } from '../../src/etf/index.ts';
import { eventually } from './eventually.ts';

/** A message as the page shows it. */
export interface Shown {
  readonly text: string;
  readonly topic: string;
}

export class Visitor {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Open the page and wait until it can speak; a fault in its script or policy fails the test that closes it. */
  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    context.setDefaultTimeout(15_000);
    const visitor = new Visitor(await context.newPage());
    visitor.page.on('pageerror', (error) => visitor.faults.push(String(error)));
    visitor.page.on('console', (message) => {
      if (message.type() === 'error') visitor.faults.push(message.text());
    });
    await visitor.page.goto(url);
    await visitor.page.getByText('Broker: connected').waitFor();
    return visitor;
  }

  /** What the browser complained about. */
  readonly faults: string[] = [];

  async close(): Promise<void> {
    await this.page.context().close();
    assert.deepEqual(this.faults, []);
  }

  /** The part of the page under a heading. */
  part(heading: string): Locator {
    return this.page.getByRole('region', { name: heading, exact: true });
  }

  async speakAs(name: string): Promise<void> {
    await this.page.getByRole('radio', { name: new RegExp(`^${name} \\d`) }).check();
  }

  async choose(kind: string): Promise<void> {
    await this.page.getByRole('radio', { name: kind, exact: true }).check();
  }

  /** Send what the form says, and wait for the first answer to it. */
  async send(): Promise<Shown> {
    const articles = this.part('Conversation').getByRole('article');
    const kind = await this.page.locator('input[name=kind]:checked + span').innerText();
    const mine = articles.and(this.page.getByLabel(new RegExp(`, ${kind}$`)));
    const before = await mine.count();
    await this.page.getByRole('button', { name: `Send ${kind}`, exact: true }).click();
    await eventually(`${kind} was sent`, async () => (await mine.count()) > before);
    const answer = mine.first().locator('.message').nth(1);
    await answer.waitFor();
    return shown(answer);
  }

  /** Compose a request and send it. */
  async ask(kind: string, fields: Readonly<Record<string, string>> = {}): Promise<Shown> {
    await this.choose(kind);
    for (const [label, value] of Object.entries(fields)) {
      const control = this.page.getByLabel(label, { exact: true });
      if ((await control.evaluate((element) => element.tagName)) === 'SELECT')
        await control.selectOption(value);
      else await control.fill(value);
    }
    return this.send();
  }

  /** The newest notice that a phone here was told. */
  async notice(name: string): Promise<Shown> {
    const label = `${name}, not asked for`;
    const message = this.part('Conversation').getByLabel(label).first().locator('.message');
    await message.waitFor();
    return shown(message);
  }

  /** Pixels of the page that stand out at the side. */
  overflow(): Promise<number> {
    return this.page.evaluate('document.documentElement.scrollWidth - innerWidth');
  }

  /** Rules of WCAG that the page breaks, each with the places. */
  async barriers(): Promise<string[]> {
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }
}

/** Read a message; the bytes that unfold beside the text must be those of that very term. */
async function shown(message: Locator): Promise<Shown> {
  const text = await message.getByRole('group', { name: 'Erlang term' }).innerText();
  const fold = message.getByRole('button', { name: / bytes$/ });
  assert.equal(await fold.getAttribute('aria-expanded'), 'false');
  await fold.click();
  const hex = await message
    .getByRole('group', { name: /bytes in hexadecimal$/ })
    .locator('code')
    .innerText();
  await fold.click();
  const bytes = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  assert.equal(print(decode(bytes)), text);
  return { text, topic: await message.locator('.topic').innerText() };
}
