// Drives the breakdown and the Endpoints page: what requests and flags cost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  axeFindsNothing,
  nothingWentWrong,
  open,
  openGraph,
  page,
  param,
  server,
  waitForParam,
  world,
} from './harness.mjs';
import { FLAG } from './server.mjs';

const column = (idx) => page.locator(`.rows tbody tr > :nth-child(${idx})`).allTextContents();

/** How many colours the timeline's picture has. */
function colours() {
  return page.evaluate(() => {
    const canvas = document.querySelector('.chart canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const found = new Set();
    for (let at = 0; at < data.length; at += 4) found.add(data.slice(at, at + 3).join());
    return found.size;
  });
}

test('Explore goes by endpoint or flag, in cores or per request, all in the address', async () => {
  await openGraph();
  const titles = await page.locator('.by option').allTextContents();
  assert.deepEqual(titles.slice(0, 5), [
    'endpoint',
    'service.name',
    'thread.name',
    'flag new_ranker',
    'flag spell check',
  ]);
  await page.selectOption('.by select', { label: 'flag new_ranker' });
  await waitForParam('by', FLAG);
  await page.waitForSelector('.legend-name:has-text("off")');
  assert.deepEqual(await page.locator('.legend-name').allTextContents(), ['(none)', 'off', 'on']);
  await page.click('text=Per request');
  await waitForParam('per', 'request');
  await page.waitForFunction(() => document.querySelector('.legend-head').textContent.endsWith('req/s'));
  assert.match(await page.textContent('.timeline output'), /^[\d.]+ ms per request · [\d.]+ requests\/s$/);
  const numbers = await page.locator('.legend li:first-child span').allTextContents();
  assert.deepEqual(numbers, ['(none)', '–', '–']);
  await page.focus('.chart');
  await page.keyboard.press('Home');
  assert.match(
    await page.getAttribute('.chart', 'aria-valuetext'),
    /off [\d.]+ milliseconds per request, on /,
  );
  const before = await colours();
  assert.ok(before > 3, `only ${before} colours`);
  await page.hover('.legend li:nth-child(2)');
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.notEqual(await colours(), before, 'the series pointed at stands out');
  await page.reload();
  await page.waitForSelector('.legend-name:has-text("off")');
  assert.equal(await page.inputValue('.by select'), FLAG);
  await page.keyboard.press('p');
  await page.waitForFunction(() => !location.search.includes('per='));
});

test('without counted requests the timeline says how to count them', async () => {
  world.bare = true;
  await open('/explore?per=request');
  await page.waitForSelector('.chart-note');
  assert.equal(await page.locator('.chart').count(), 0);
  assert.equal(await page.textContent('.timeline output'), 'no requests');
  await page.click('.chart-note a');
  await page.waitForSelector('text=pip install fewer');
  assert.match(await page.textContent('.message'), /MIDDLEWARE = \["fewer.django.Middleware", ...\]/);
});

test('the breakdown shows cores, requests and their quotient, and a row narrows to its value', async () => {
  await openGraph('/explore?by=endpoint');
  await page.click('role=tab[name="Breakdown"]');
  await waitForParam('list', 'breakdown');
  await page.waitForSelector('th:has-text("GET /feed")');
  assert.deepEqual((await column(1)).slice(0, 4), [
    'GET /feed',
    'POST /like/{id}',
    'GET /profile/{user}',
    'celery:images.resize',
  ]);
  const cores = (await column(2)).map(Number.parseFloat);
  const rates = (await column(3)).map(Number.parseFloat);
  const costs_ms = (await column(4)).map(Number.parseFloat);
  for (const row of [0, 1, 2]) {
    const product = (rates[row] * costs_ms[row]) / 1_000;
    assert.ok(Math.abs(product / cores[row] - 1) < 0.02, `${product} against ${cores[row]} cores`);
  }
  assert.ok(Number.isNaN(rates[3]), 'a task counts no requests');
  assert.match(await page.textContent('.rows tfoot'), /^Total.*100 %/);
  await page.click('thead button:has-text("ms/req")');
  await waitForParam('order', 'request');
  assert.deepEqual((await column(4)).slice(-2), ['–', '–']);
  await page.fill('#table-filter', 'raw');
  await waitForParam('filter', 'raw');
  await page.waitForFunction(() => document.querySelectorAll('.rows tbody tr').length === 1);
  await page.click('.rows tbody button');
  await waitForParam('query', '{endpoint="POST /upload \\"raw\\""}');
});

test('a flag whose key has a space is quoted in the selector, and the rest is no value', async () => {
  await openGraph('/explore?list=breakdown&by=feature_flag.result.variant.spell+check');
  await page.click('.rows tbody button:has-text("v1")');
  await waitForParam('query', '{"feature_flag.result.variant.spell check"="v1"}');
  await open('/explore?list=breakdown&by=thread.name');
  await page.waitForSelector('.rows tfoot');
  assert.match(await page.textContent('.rows tfoot tr:first-child'), /^1,200 more/);
  assert.equal(await page.locator('.rows tfoot button').count(), 0);
});

test('the tabs of the table are walked by the arrows', async () => {
  await openGraph();
  await page.focus('role=tab[name="Functions"]');
  await page.keyboard.press('ArrowRight');
  await waitForParam('list', 'breakdown');
  const focused = () =>
    page.evaluate(() => [document.activeElement.textContent, document.activeElement.tabIndex]);
  assert.deepEqual(await focused(), ['Breakdown', 0]);
  await page.keyboard.press('ArrowRight');
  assert.deepEqual(await focused(), ['Functions', 0]);
  await page.keyboard.press('d');
  await waitForParam('list', 'breakdown');
});

test('endpoints: rate × CPU per request = cores, and a row leads to its flame graph', async () => {
  await open('/explore?start=now-1h');
  await page.click('nav >> text=Endpoints');
  await page.waitForSelector('.endpoints tbody tr');
  assert.equal(param('start'), 'now-1h');
  assert.equal(await page.textContent('h1'), 'Endpoints 7');
  const [rates, costs_ms, cores] = [await column(2), await column(3), await column(4)].map((texts) =>
    texts.map(Number),
  );
  const product = (rates[0] * costs_ms[0]) / 1_000;
  assert.ok(Math.abs(product / cores[0] - 1) < 0.02, `${product} against ${cores[0]} cores`);
  assert.deepEqual(await page.locator('thead th').allTextContents(), [
    'Endpoint',
    'Requests/s',
    '× ms per request',
    '= Cores ↓',
    'Share',
    'Counted ms',
    '4xx',
    '5xx',
  ]);
  assert.match((await column(6))[0], /−2.0 %$/);
  const asked = new URLSearchParams(server.asked.findLast((url) => url.includes('/breakdown')).split('?')[1]);
  assert.equal(asked.get('query'), '{endpoint!=""}');
  assert.match(await page.getAttribute('thead th:nth-child(3) button', 'title'), /divide all of their CPU/);
  await page.click('.endpoints a:has-text("POST /like/{id}")');
  await page.waitForSelector('.flame-canvas');
  assert.equal(param('query'), '{endpoint="POST /like/{id}"}');
  assert.equal(param('start'), 'now-1h');
  await page.goBack();
  await page.waitForSelector('.endpoints');
});

test('endpoints: service, order, filter and what lies outside are in the address', async () => {
  await open('/endpoints');
  await page.waitForSelector('.endpoints tbody tr');
  await page.selectOption('.by select', 'feed');
  await waitForParam('service', 'feed');
  await page.click('.tick');
  await waitForParam('outside', '1');
  await page.waitForSelector('tfoot:has-text("outside endpoints")');
  const asked = new URLSearchParams(server.asked.findLast((url) => url.includes('/breakdown')).split('?')[1]);
  assert.equal(asked.get('query'), '{service.name="feed"}');
  assert.equal(await page.locator('tfoot tr').count(), 2);
  await page.click('thead button:has-text("Endpoint")');
  await waitForParam('order', 'value');
  assert.equal(await page.getAttribute('thead th:first-child', 'aria-sort'), 'ascending');
  await page.click('h1');
  await page.keyboard.press('/');
  await page.keyboard.type('get');
  await waitForParam('filter', 'get');
  await page.waitForFunction(() => document.querySelectorAll('.rows tbody tr').length === 4);
  const names = await column(1);
  assert.deepEqual(names, names.toSorted());
  assert.equal(
    await page
      .locator('.endpoints a')
      .first()
      .getAttribute('href')
      .then((href) => new URL(href, server.origin).searchParams.get('query')),
    `{service.name="feed", endpoint="${names[0]}"}`,
  );
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('.rows tbody tr').length === 4);
  assert.equal(await page.inputValue('.by select'), 'feed');
});

test('endpoints: none yet, none of a service, and a page that could not be loaded', async () => {
  Object.assign(world, { bare: true });
  await open('/endpoints');
  await page.waitForSelector('text=No endpoints in this time');
  world.bare = false;
  await page.waitForSelector('.endpoints', { timeout: 12_000 });
  world.empty = true;
  await open('/endpoints');
  await page.waitForSelector('text=Waiting for the first samples');
  world.empty = false;
  await open('/');
  await page.waitForSelector('.flame-canvas');
  await page.route('**/assets/Endpoints-*.js', (route) => route.abort());
  await page.click('nav >> text=Endpoints');
  await page.waitForSelector('text=This page could not be loaded');
  await page.unroute('**/assets/Endpoints-*.js');
  await page.click('text=Load again');
  await page.waitForSelector('.endpoints tbody tr');
});

axeFindsNothing([
  ['the breakdown', '/explore?by=endpoint&list=breakdown&per=request'],
  ['the breakdown, dark', '/explore?by=endpoint&list=breakdown', () => page.keyboard.press('t')],
  ['Endpoints', '/endpoints?outside=1'],
  ['Endpoints, dark', '/endpoints', () => page.keyboard.press('t')],
  ['no endpoints', '/endpoints?service=nothing'],
]);
nothingWentWrong();
