/** What the page says while a part is away, and how it shows much. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness/eventually.ts';
import { type PageSystem, skip, startPageSystem } from '../../harness/page-system.ts';
import { Visitor } from '../../harness/page-visitor.ts';

describe('the page says what is waited for', { skip, concurrency: false }, () => {
  let run: PageSystem;
  let visitor: Visitor;
  const states = async (): Promise<string[]> =>
    (await visitor.page.locator('.readiness p').allInnerTexts()).map((text) => text.trim());
  const green = () => visitor.page.locator('.readiness .connected').count();
  const waiting = () => visitor.page.getByRole('region', { name: /^(Not ready|Ready without a part)$/ });

  before(async () => {
    // The workers log that a server is away.
    run = await startPageSystem(() => undefined);
    visitor = await Visitor.open(run.browser, run.page.url, { viewport: { width: 1280, height: 800 } });
  });

  after(async () => {
    await visitor?.page.context().close();
    await run?.stop();
  });

  test('all is green while broker, Redis and workers are there', async () => {
    await visitor.page.getByText('Workers: 2 of 2 ready').waitFor();
    assert.deepEqual(await states(), ['Broker: connected', 'Redis: connected', 'Workers: 2 of 2 ready']);
    assert.equal(await green(), 3);
    assert.equal(await waiting().count(), 0);
  });

  test('Redis is away: not green, with the cause, the time, and no barrier', async () => {
    await run.system.redis.kill('SIGKILL');
    await visitor.page.getByText('Redis: no connection').waitFor();
    await visitor.page.getByText('Workers: 0 of 2 ready').waitFor();
    assert.equal(await green(), 1);
    const list = visitor.part('Not ready');
    await list.getByText(/waiting for Redis, for [1-9]\d* s: no connection/).waitFor();
    await list.getByText(/waiting for worker-1, for \d+ s: redis: /).waitFor();
    await visitor.page
      .getByRole('status')
      .getByText('Not ready: waiting for Redis, worker-1, worker-2')
      .waitFor({ state: 'attached' });
    assert.deepEqual(await visitor.barriers(), []);
    await visitor.page.setViewportSize({ width: 360, height: 800 });
    assert.ok((await visitor.overflow()) <= 0);
    await visitor.page.setViewportSize({ width: 1280, height: 800 });
    await run.system.redis.restart();
    await visitor.page.getByText('Workers: 2 of 2 ready').waitFor();
    await waiting().waitFor({ state: 'detached' });
    assert.equal(await green(), 3);
  });

  test('one worker is away: ready without it; all are: a request says for how long it waits, and is answered', async () => {
    const [first, second] = run.system.workers;
    await first?.stop();
    await visitor
      .part('Ready without a part')
      .getByText(/waiting for worker-1, for \d+ s: no answer/)
      .waitFor();
    await visitor.page.getByText('Workers: 1 of 2 ready').waitFor();
    assert.equal(await green(), 2);
    await first?.start();
    // Those that are killed leave their subscriptions at the broker, which keeps requests for them.
    first?.abandon();
    second?.abandon();
    await visitor.part('Not ready').waitFor();
    await visitor.speakAs('Taras');
    await visitor.choose('get');
    await visitor.page.getByRole('button', { name: 'Send get' }).click();
    const asked = visitor.part('Conversation').getByLabel('Taras, get').first();
    const nobody = 'no worker is subscribed \\(worker-1: no answer for .*; worker-2: no answer for .*\\)';
    await asked
      .getByText(new RegExp(`^waiting for the answer for [1-9]\\d* s: ${nobody}; it is given up after 60 s$`))
      .waitFor();
    // A minute passes.
    await visitor.page.evaluate('{ const now = Date.now; Date.now = () => now() + 60_000; }');
    await asked
      .getByText(new RegExp(`^no answer after 60 s, given up: ${nobody}\\. Send it again; `))
      .waitFor();
    await Promise.all([first?.start(), second?.start()]);
    await asked.locator('.message').nth(1).waitFor();
    await visitor.page.getByText('Workers: 2 of 2 ready').waitFor();
    assert.equal(await green(), 3);
  });

  test('bytes are folded away, unfold by keyboard, and several exchanges are in view at once', async () => {
    for (let count = 0; count < 8; count++) await visitor.ask('get');
    const exchanges = visitor.part('Conversation').getByRole('article');
    const inView = async (): Promise<number> => {
      const boxes = await exchanges.evaluateAll((elements) =>
        elements.map((element) => {
          const { top, bottom } = (
            element as unknown as { getBoundingClientRect(): { top: number; bottom: number } }
          ).getBoundingClientRect();
          return { top, bottom };
        }),
      );
      return boxes.filter(({ top, bottom }) => top >= 0 && bottom <= 800).length;
    };
    await visitor.page.evaluate('scrollTo(0, 0)');
    assert.ok((await inView()) >= 4, `${await inView()} exchanges are in view`);

    const hex = exchanges.first().getByRole('group', { name: /bytes in hexadecimal$/ });
    assert.equal(await hex.count(), 0);
    const fold = exchanges
      .first()
      .getByRole('button', { name: / bytes$/ })
      .first();
    await fold.focus();
    await visitor.page.keyboard.press('Enter');
    await hex.waitFor();
    assert.equal(await fold.getAttribute('aria-expanded'), 'true');
    assert.match(await hex.innerText(), /^83 68 0[89] /);
    assert.deepEqual(await visitor.barriers(), []);
    await visitor.page.keyboard.press('Enter');
    await hex.waitFor({ state: 'detached' });
  });

  test('labels of the charts are whole, up to millions', async () => {
    const count = 50_000_000;
    let polls = 0;
    await visitor.page.route('**/workers.json', (route) => {
      polls++;
      const durations = [
        { atMostSeconds: 10, count: 0 },
        { atMostSeconds: 1500, count: count * polls },
        { atMostSeconds: 3600, count: count * polls },
      ];
      return route.fulfill({
        json: [{ name: 'worker-1', numbers: { requests: count * polls, inFlight: 12_345, durations } }],
      });
    });
    await visitor.page.getByRole('img', { name: /Latency.*95 % [\d,.]{9,}/ }).waitFor();
    await visitor.page.getByRole('img', { name: /In flight.*worker-1 12,345/ }).waitFor();
    await eventually('the labels are drawn', async () => {
      const inks = await leftInk(visitor);
      return inks.length === 3 && inks.every(({ label }) => label > 0);
    });
    // A label that is cropped reaches the first column of the drawing.
    for (const { edge } of await leftInk(visitor)) assert.equal(edge, 0);
  });
});

/** How many pixels are drawn in the first column of each chart, and in the 60 columns of its labels. */
function leftInk({ page }: Visitor): Promise<{ readonly edge: number; readonly label: number }[]> {
  return page.evaluate(`[...document.querySelectorAll('.workers canvas')].map((canvas) => {
    const ink = (columns) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, columns, canvas.height);
      return data.filter((value, index) => index % 4 === 3 && value > 0).length;
    };
    return { edge: ink(1), label: ink(60) };
  })`);
}
