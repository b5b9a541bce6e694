/** The page of `npm run dev`, in a real Chromium, with a real broker, Redis and workers behind it. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { WebSocket } from 'ws';
import type { RunningPage } from '../../../dev/page/server.ts';
import type { System } from '../../../dev/system.ts';
import { eventually } from '../../harness/eventually.ts';
import { skip, startPageSystem } from '../../harness/page-system.ts';
import { Visitor } from '../../harness/page-visitor.ts';

let system: System;
let page: RunningPage;
let browser: Browser;
let stop = async (): Promise<void> => undefined;

before(async () => {
  if (!skip) ({ system, page, browser, stop } = await startPageSystem());
});

after(() => stop());

describe('the page', { skip, concurrency: false }, () => {
  let visitor: Visitor;
  const profile = (): ReturnType<Visitor['part']> => visitor.part('Profile');

  before(async () => {
    visitor = await Visitor.open(browser, page.url);
  });

  after(() => visitor.close());

  test('get, set and update are composed from a form; their answers and a notice appear as Erlang text', async () => {
    assert.equal((await visitor.ask('get')).text, '{io,{error,not_found},<<>>}');
    const set = await visitor.ask('set');
    assert.match(set.text, /^\{'Profile',<<"380501112233">>,.*<<"380671112233_7">>.*,set\}$/);
    assert.match(set.topic, /^actions\/1\/api\/page-\w+-380501112233$/);
    await visitor.speakAs('Taras');
    assert.match((await visitor.ask('set')).text, /<<"380501112233_1">>.*,set\}$/);
    await visitor.speakAs('Olena');
    assert.match((await visitor.ask('update', { Presence: 'online' })).text, /,online,update\}$/);

    const notice = await visitor.notice('Taras');
    assert.equal(notice.topic, 'ses/380671112233');
    assert.match(notice.text, /^\{'Contact',<<"380501112233_1">>,\[\],<<"Olena">>,.*,online,\[\]\}$/);
  });

  test('the profile of the phone in use is shown with its settings and contacts', async () => {
    assert.match(await profile().innerText(), /Presence\s+online/);
    assert.match(await profile().innerText(), /LANG\s+uk/);
    assert.match(await profile().innerText(), /Roster 1 Olena\s+Taras\s+380671112233_7/);
    await visitor.speakAs('Taras');
    // Since the notice it is read again.
    await eventually('the panel follows the notice', async () =>
      /Roster 7 Taras\s+Olena\s+online\s+380501112233_1/.test(await profile().innerText()),
    );
    await visitor.speakAs('Olena');
  });

  test('the mail of a link is shown, and email confirms with the code from it', async () => {
    assert.equal((await visitor.ask('link')).text, '{io,{ok,email_sent},<<>>}');
    await profile().getByText('olena@example.org added').waitFor();
    await visitor.choose('get');
    const mail = visitor.part('Caught mails').getByRole('article').first();
    assert.match(await mail.innerText(), /to olena@example\.org/);
    const code = /\b\d{6}\b/.exec(system.smtp.mails().at(-1)?.text ?? '')?.[0];
    await mail.getByRole('button', { name: `Confirm with ${code}` }).click();
    assert.equal((await visitor.send()).text, '{io,{ok,verified},<<>>}');
    await profile().getByText('olena@example.org verified').waitFor();
  });

  test('aws, migrate, phone and remove are composed from a form', async () => {
    assert.match((await visitor.ask('aws')).text, /^\{io,\{ok,aws\},\{'Service',/);
    // On a busy machine the first answer announces a later one.
    await visitor
      .part('Conversation')
      .getByLabel('Olena, aws')
      .getByText(/^<<"ASIA/)
      .waitFor();
    assert.equal((await visitor.ask('migrate')).text, '{io,{ok,migration},<<>>}');
    await visitor.speakAs('Olena’s new phone');
    assert.match((await visitor.ask('phone')).text, /^\{'Profile',<<"380931112233">>,.*,phone\}$/);
    assert.match(await profile().innerText(), /olena@example\.org verified/);
    await visitor.speakAs('Olena');
    assert.match(await profile().innerText(), /Moved to Olena’s new phone, 380931112233, at/);
    await visitor.speakAs('Taras');
    await profile().getByText('380931112233_1', { exact: true }).waitFor();
    await visitor.speakAs('Olena’s new phone');
    assert.match((await visitor.ask('remove')).text, /^\{'Profile',<<"380931112233">>,\[\],.*,remove\}$/);
    assert.match(await profile().innerText(), /Removed at/);
    assert.equal((await visitor.ask('get')).text, '{io,{error,not_authorized},<<>>}');
    await visitor.page.getByRole('button', { name: 'Sign in again' }).click();
    await visitor.page.getByText(/^The session of page-\w+-380931112233 is there again/).waitFor();
    await profile().getByText('No profile, at').waitFor();
    assert.equal((await visitor.ask('get')).text, '{io,{error,not_found},<<>>}');
    await visitor.speakAs('Taras');
    await profile()
      .getByText(/^deleted/)
      .waitFor();
  });

  test('a term without a form is edited by hand; invalid text is reported before it is sent', async () => {
    const term = visitor.page.getByRole('textbox', { name: 'Erlang term' });
    await visitor.speakAs('Taras');
    await visitor.choose('get');
    await term.fill('{\'Profile\',<<"1">>,[],[],[],[],[],[],get}');
    await visitor.page
      .getByText(/^This will be refused: phone, element 2 .* is not 5 to 15 digits/)
      .waitFor();
    assert.equal((await visitor.send()).text, '{io,{error,invalid_data},<<>>}');
    await term.fill('#\'Profile\'{phone = <<"380671112233">>, status = get} % as records are written');
    assert.match((await visitor.send()).text, /^\{'Profile',<<"380671112233">>,.*,get\}$/);
    await term.fill("{'Profile',");
    await visitor.page.getByText('line 1, column 12: a term is missing here.').waitFor();
    assert.ok(await visitor.page.getByRole('button', { name: /^Send/ }).isDisabled());
    await visitor.page.getByRole('button', { name: 'Back to the form' }).click();
    assert.match(await term.inputValue(), /^\{'Profile',<<"380671112233">>,.*,get\}$/);
  });

  test('the workers’ activity is drawn live', async () => {
    const chart = visitor.part('Workers').getByRole('figure', { name: /^Requests a second/ });
    const picture = () =>
      chart
        .locator('canvas')
        .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
    const blank = await picture();
    let busiest = 0;
    await eventually('requests a second are counted', async () => {
      await visitor.ask('get');
      const words = await chart.getByRole('img').getAttribute('aria-label');
      for (const [, value] of words?.matchAll(/worker-\d ([\d.]+)/g) ?? [])
        busiest = Math.max(busiest, Number(value));
      return busiest > 0;
    });
    await eventually('the chart is drawn anew', async () => (await picture()) !== blank);
    const latency = visitor.part('Workers').getByRole('img', { name: /Latency.*median [\d.]+, 95 % [\d.]+/ });
    await latency.waitFor();
  });

  test('all of it can be done with the keyboard', async () => {
    const { keyboard } = visitor.page;
    await visitor.page.reload();
    await visitor.page.getByText('Broker: connected').waitFor();
    const focused = () => visitor.page.evaluate<string>('document.activeElement.parentElement.textContent');
    await keyboard.press('Tab');
    assert.match(await focused(), /^Olena 380501112233/);
    await keyboard.press('ArrowDown');
    assert.match(await focused(), /^Taras/);
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    assert.equal(await focused(), 'get');
    await keyboard.press('Enter');
    const answer = visitor.part('Conversation').getByLabel('Taras, get').locator('.message').nth(1);
    await answer.waitFor();
    // For screen readers.
    await visitor.page.getByRole('status').getByText('Taras, get: Profile').waitFor({ state: 'attached' });
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 360]) {
    test(`the page has no barriers, in ${colorScheme}, ${width} px wide`, { skip }, async () => {
      const visitor = await Visitor.open(browser, page.url, {
        colorScheme,
        viewport: { width, height: 800 },
      });
      await visitor.speakAs('Taras');
      await visitor.ask('set', { Presence: 'away' });
      await visitor.ask('email');
      await visitor.page.getByText('Another phone').click();
      await visitor.page.getByRole('textbox', { name: 'Erlang term' }).fill('{');
      assert.deepEqual(await visitor.barriers(), []);
      const overflow = await visitor.overflow();
      assert.ok(overflow <= 0, `${overflow} px stand out at the side`);
      await visitor.close();
    });
  }
}

test('the page recovers when broker and workers are back', { skip }, async () => {
  const visitor = await Visitor.open(browser, page.url);
  const lost = visitor.page.getByText('Broker: no connection').waitFor();
  await system.mosquitto.restart();
  await lost;
  await visitor.page.getByText('Broker: connected').waitFor();
  await visitor.speakAs('Taras');
  assert.match((await visitor.ask('get')).text, /^\{'Profile',<<"380671112233">>,.*,get\}$/);
  // The browser has logged the connections that it could not make.
  await visitor.page.context().close();
});

/** The status of an answer of the page's server. */
function statusOf(
  path: string,
  options: { method?: string; headers?: Record<string, string> },
): Promise<number> {
  return new Promise((resolve, reject) => {
    request(new URL(path, page.url), options, (response) => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
      .end(options.method === 'POST' ? JSON.stringify({ client: 'page-x', phone: '380501112233' }) : '');
  });
}

test('a web site that the developer visits can neither read nor write through the page', {
  skip,
}, async () => {
  const own = new URL(page.url).origin;
  const foreign = 'http://example.org';
  for (const path of ['/', '/people.json', '/mails.json', '/workers.json', '/readiness.json']) {
    assert.equal(await statusOf(path, {}), 200);
    assert.equal(await statusOf(path, { headers: { host: 'example.org' } }), 403);
  }
  assert.equal(await statusOf('/sessions', { method: 'POST', headers: { origin: own } }), 204);
  assert.equal(await statusOf('/sessions', { method: 'POST', headers: { origin: foreign } }), 400);
  assert.equal(await statusOf('/sessions', { method: 'POST' }), 400);

  const opened = (origin: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${page.url.replace('http', 'ws')}mqtt`, 'mqtt', { origin });
      socket.once('open', () => resolve(true)).once('error', () => resolve(false));
      socket.once('open', () => socket.close());
    });
  assert.ok(await opened(own));
  assert.ok(!(await opened(foreign)));
});
