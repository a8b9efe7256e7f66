// Drives the built pages in Chromium against the made-up collector. Build first: `npm run build`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, beforeEach, test } from 'node:test';
import { openBrowser } from './browser.mjs';
import { FLAG, makeWorld, startServer } from './server.mjs';

const ROW_PX = 19;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let server;
let world;
let browser;
let page;
const strays = [];

before(async () => {
  world = makeWorld();
  server = await startServer(world);
  browser = await openBrowser({ calm: true });
  page = browser.page;
  page.on('pageerror', (error) => strays.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(server.origin)) strays.push(`outside: ${request.url()}`);
  });
  page.on('console', (message) => {
    // The browser itself reports refused and failed requests, which the tests cause on purpose.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load'))
      strays.push(message.text());
  });
});
beforeEach(() => {
  Object.assign(world, { down: false, empty: false, bare: false });
});
after(async () => {
  await browser.close();
  server.close();
});

async function open(address = '/') {
  await page.goto('about:blank');
  await page.goto(server.origin + address);
}

async function openGraph(address = '/') {
  await open(address);
  await page.waitForSelector('.flame-canvas');
  await page.waitForSelector('[role=treeitem]', { state: 'attached' });
}

const selected = () => page.textContent('[role=treeitem][aria-selected=true]');
const param = (name) => new URL(page.url()).searchParams.get(name);
const params = (name) => new URL(page.url()).searchParams.getAll(name);
const name = (idx) => world.tree.functions[world.tree.names[idx]].name;
const waitForParam = (wanted, value) =>
  page.waitForFunction(
    ([key, text]) => new URLSearchParams(location.search).get(key) === text,
    [wanted, value],
  );

async function clickFrame(xShare, level) {
  const box = await page.locator('.flame-canvas').boundingBox();
  await page.mouse.click(box.x + box.width * xShare, box.y + ROW_PX * (level + 0.5));
}

test('shows everything at once, without a question first', async () => {
  await openGraph();
  assert.equal(new URL(page.url()).search, '');
  assert.match(await selected(), /^all, 3\.\d+ cores, 100 %$/);
  assert.match(await page.textContent('.timeline output'), /cores on average/);
  const rows = await page.locator('.rows tbody th button span').allTextContents();
  const bySelf = world.top.toSorted((a, b) => b.self - a.self);
  assert.equal(rows[0], bySelf[0].function.name);
});

test('paints the frames, the canvas no taller than the window', async () => {
  await openGraph();
  const painted = await page.evaluate(() => {
    const canvas = document.querySelector('.flame-canvas');
    const context = canvas.getContext('2d');
    const colours = new Set();
    for (let y = 5; y < 150; y += 10) colours.add(context.getImageData(20, y, 1, 1).data.join());
    return { colours: colours.size, height: canvas.clientHeight, window: innerHeight };
  });
  assert.ok(painted.colours > 4, `only ${painted.colours} colours`);
  assert.ok(painted.height < painted.window);
});

test('a click focuses a frame; back, forward, Escape and the breadcrumb lead out', async () => {
  await openGraph();
  await clickFrame(0.01, 1);
  await waitForParam('path', name(1));
  assert.ok((await selected()).startsWith(name(1)));
  await page.goBack();
  await page.waitForFunction(() => location.search === '');
  assert.ok((await selected()).startsWith('all'));
  await page.goForward();
  await waitForParam('path', name(1));
  await page.keyboard.press('Escape');
  await waitForParam('focus', '0');
  assert.match(await page.textContent('.crumbs [aria-current]'), /^all$/);
  await page.goBack();
  await page.click('.crumbs li:first-child button');
  await waitForParam('focus', '0');
});

test('the keyboard walks the tree and says where it is', async () => {
  await openGraph();
  await page.focus('#flame-tree');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.deepEqual(params('path'), [name(1), name(2)]);
  assert.equal(param('focus'), '0');
  await page.waitForFunction(
    (text) => document.querySelector('[aria-live]').textContent.startsWith(text),
    name(2),
  );
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowRight');
  const siblings = await page.locator('[role=treeitem]').count();
  assert.ok(siblings > 2 && siblings <= 60, `${siblings} items`);
  const chosen = params('path');
  assert.notEqual(chosen[0], name(1));
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => !location.search.includes('focus='));
  assert.deepEqual(params('path'), chosen);
  const named = await page.evaluate(() => {
    const id = document.getElementById('flame-tree').getAttribute('aria-activedescendant');
    return document.getElementById(id)?.getAttribute('aria-selected');
  });
  assert.equal(named, 'true');
});

test('what is hidden is asked for, and numbers stay those of the whole selection', async () => {
  await openGraph();
  const whole = await page.textContent('.crumbs small');
  assert.match(whole, /^[\d,]+ of 3,000 frames$/);
  server.asked.length = 0;
  await clickFrame(0.01, 2);
  await waitForParam('path', name(1));
  await page.waitForFunction((text) => document.querySelector('.crumbs small').textContent !== text, whole);
  const asked = server.asked.find((url) => url.startsWith('/api/v1/flamegraph'));
  assert.deepEqual(
    new URLSearchParams(asked.split('?')[1]).getAll('root'),
    params('path').map((each) => each.replace(/[\\;]/g, '\\$&')),
  );
  const share = ((100 * world.tree.totals[2]) / world.tree.totals[0]).toFixed(1);
  assert.ok((await selected()).includes(`${share} %`), `${await selected()} against ${share} %`);
});

test('search marks frames and takes its share from the server', async () => {
  await openGraph();
  await page.keyboard.press('/');
  await page.keyboard.type('exec');
  await waitForParam('search', 'exec');
  await page.waitForSelector('.flame-panel output b');
  const functions = world.top.filter((row) => /exec/iu.test(row.function.name)).length;
  assert.match(await page.textContent('.flame-panel output'), new RegExp(`· ${functions} functions$`));
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !location.search.includes('search'));
});

test('a function of the table is searched in the graph', async () => {
  await openGraph();
  await page.click('.rows tbody button');
  await page.waitForSelector('tr[data-searched=true]');
  assert.match(param('search'), /^\^.*\$$/);
  assert.match(await page.textContent('.flame-panel output'), /1 function$/);
});

test('the table sorts, filters and keeps only rows near the window', async () => {
  await openGraph();
  assert.equal(await page.getAttribute('th[aria-sort]', 'aria-sort'), 'descending');
  await page.click('thead th:first-child button');
  await waitForParam('sort', 'name');
  await page.waitForSelector('th:first-child[aria-sort=ascending]');
  assert.ok((await page.locator('.rows tbody tr').count()) < 80);
  await page.evaluate(() => document.querySelector('.rows').scrollTo(0, 1e6));
  const last = world.top
    .map((row) => row.function.name)
    .sort((a, b) => a.localeCompare(b))
    .at(-1);
  await page.waitForFunction((text) => document.querySelector('.rows').textContent.includes(text), last);
  await page.fill('#table-filter', 'no such function');
  await waitForParam('filter', 'no such function');
  await page.waitForFunction(() => document.querySelectorAll('.rows tbody tr').length === 0);
});

test('dragging over the timeline, or marking with the keyboard, sets the time', async () => {
  await openGraph();
  const box = await page.locator('.chart').boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 50, { steps: 4 });
  await page.mouse.up();
  await page.waitForFunction(() => location.search.includes('start='));
  const dragged = Date.parse(param('end')) - Date.parse(param('start'));
  assert.ok(dragged > 150_000 && dragged < 240_000, `${dragged} ms`);
  await page.goBack();
  await page.waitForFunction(() => location.search === '');
  await page.focus('.chart');
  await page.keyboard.press('End');
  for (let step = 0; step < 5; step++) await page.keyboard.press('Shift+ArrowLeft');
  assert.match(await page.getAttribute('.chart', 'aria-valuetext'), /marked/);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.search.includes('start='));
});

test('the selector completes names, operators and values', async () => {
  await openGraph();
  await page.focus('#selector');
  await page.keyboard.type('{serv');
  await page.waitForSelector('[role=option]');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.equal(await page.inputValue('#selector'), '{service.name=');
  await page.keyboard.type('"po');
  await page.waitForSelector('[role=option]:has-text("postgres")');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.equal(await page.inputValue('#selector'), '{service.name="postgres"');
  await page.keyboard.type('}');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await waitForParam('query', '{service.name="postgres"}');
});

test('a bad selector is marked where it is wrong', async () => {
  await open('/explore?query=service.name%3Dfeed');
  const mark = await page.textContent('.selector-error pre');
  const [text, caret] = mark.split('\n');
  assert.equal(text, 'service.name=feed');
  assert.equal(caret.indexOf('^'), text.indexOf('feed'));
  assert.match(await page.textContent('.selector-error'), /double quotes.*Write/s);
});

test('an empty store says what to do, and the graph comes by itself', async () => {
  world.empty = true;
  await open('/');
  await page.waitForSelector('text=Waiting for the first samples');
  assert.match(await page.textContent('.message'), /fewer agent --collector http:\/\/127/);
  world.empty = false;
  await page.waitForSelector('.flame-canvas', { timeout: 12_000 });
});

test('nothing that matches: the way out is a button', async () => {
  await open('/explore?query=%7Bservice.name%3D%22nothing%22%7D');
  await page.click('text=Show everything');
  await page.waitForSelector('.flame-canvas');
});

test('a collector that is away is said, and found again', async () => {
  world.down = true;
  await open('/');
  await page.waitForSelector('text=The collector does not answer');
  world.down = false;
  await page.click('text=Try again');
  await page.waitForSelector('.flame-canvas');
  world.down = true;
  await page.click('text=Refresh');
  await page.waitForSelector('.banner');
  assert.equal(await page.locator('.flame-canvas').count(), 1);
});

test('a frame that is gone leads back to the whole', async () => {
  await openGraph('/explore?path=no+such+function');
  await page.waitForFunction(() => location.search === '');
  assert.ok((await selected()).startsWith('all'));
});

test('inverts, flips and zooms by the wheel, all in the address', async () => {
  await openGraph();
  await page.keyboard.press('i');
  await waitForParam('direction', 'callers');
  await page.keyboard.press('u');
  await waitForParam('flip', '1');
  const box = await page.locator('.flame-canvas').boundingBox();
  await page.mouse.move(box.x + 100, box.y + 100);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -300);
  await page.keyboard.up('Control');
  await page.waitForFunction(() => location.search.includes('zoom='));
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !location.search.includes('zoom='));
});

test('colours follow the choice over the system, and stay after a reload', async () => {
  await openGraph();
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.keyboard.press('t');
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await background(), dark);
  await page.keyboard.press('t');
  assert.equal(await background(), light);
});

test('exports are links to files of the selection', async () => {
  await openGraph('/explore?query=%7Bservice.name%3D%22feed%22%7D');
  await page.keyboard.press('e');
  const links = await page.locator('[role=menuitem]').evaluateAll((items) => items.map((item) => item.href));
  assert.equal(links.length, 4);
  for (const link of links) assert.equal(new URL(link).searchParams.get('query'), '{service.name="feed"}');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'export');
});

test('the help lists every key', async () => {
  await openGraph();
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  assert.ok((await page.locator('dialog dt').count()) > 15);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog[open]', { state: 'detached' });
});

test('hosts say how fresh they are; other addresses say that they are no pages', async () => {
  await open('/');
  await page.click('nav >> text=Hosts');
  await page.waitForSelector('.host');
  assert.deepEqual(await page.locator('.badge').allTextContents(), ['reporting', 'reporting', 'late']);
  await open('/nothing-here');
  await page.waitForSelector('text=There is no such page');
});

test('every control is reached by the keyboard, in view', async () => {
  await openGraph();
  const reached = new Set();
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press('Tab');
    reached.add(
      await page.evaluate(
        () =>
          document.activeElement.id ||
          document.activeElement.className ||
          document.activeElement.textContent.slice(0, 20),
      ),
    );
  }
  for (const wanted of ['selector', 'chart', 'search', 'export', 'flame-tree', 'table-filter', 'rows']) {
    assert.ok(reached.has(wanted), `${wanted} was not reached: ${[...reached].join(', ')}`);
  }
});

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
  const before = await painted();
  assert.ok(before.colours > 3, `only ${before.colours} colours`);
  await page.hover('.legend li:nth-child(2)');
  await page.waitForFunction((count) => {
    const canvas = document.querySelector('.chart canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let at = 0; at < data.length; at += 4) colours.add(data.slice(at, at + 3).join());
    return colours.size !== count;
  }, before.colours);
  await page.reload();
  await page.waitForSelector('.legend-name:has-text("off")');
  assert.equal(await page.inputValue('.by select'), FLAG);
  await page.keyboard.press('p');
  await page.waitForFunction(() => !location.search.includes('per='));
});

/** Colours of the timeline's picture. */
function painted() {
  return page.evaluate(() => {
    const canvas = document.querySelector('.chart canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let at = 0; at < data.length; at += 4) colours.add(data.slice(at, at + 3).join());
    return { colours: colours.size };
  });
}

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

const column = (idx) => page.locator(`.rows tbody tr > :nth-child(${idx})`).allTextContents();

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

for (const [what, address, prepare] of [
  ['Explore', '/'],
  ['Explore, focused and searching', '/explore?search=exec&view=graph'],
  ['the table', '/explore?view=table'],
  ['Explore, dark', '/', () => page.keyboard.press('t')],
  ['the breakdown', '/explore?by=endpoint&list=breakdown&per=request'],
  ['the breakdown, dark', '/explore?by=endpoint&list=breakdown', () => page.keyboard.press('t')],
  ['Endpoints', '/endpoints?outside=1'],
  ['Endpoints, dark', '/endpoints', () => page.keyboard.press('t')],
  ['no endpoints', '/endpoints?service=nothing'],
  ['Hosts', '/hosts'],
  ['a bad selector', '/explore?query=service.name%3Dfeed'],
  ['an empty answer', '/explore?query=%7Ba%3D%22nothing%22%7D'],
  ['the help', '/', () => page.keyboard.press('?')],
  ['the time picker', '/', () => page.click('.time button')],
  ['completions', '/', () => page.type('#selector', '{')],
]) {
  test(`axe finds nothing: ${what}`, async () => {
    await open(address);
    await page.waitForSelector('.panel, .message');
    await page.waitForLoadState('networkidle');
    await prepare?.();
    await page.evaluate(axe);
    const found = await page.evaluate(async () => (await window.axe.run()).violations);
    const text = found.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
    );
    await page.evaluate(() => localStorage.clear());
    assert.deepEqual(text, []);
  });
}

test('nothing went wrong unseen, and nothing was asked of another host', () => {
  assert.deepEqual(strays, []);
});
