// Drives the built pages in Chromium against the made-up collector. Build first: `npm run build`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  axeFindsNothing,
  nothingWentWrong,
  open,
  openGraph,
  page,
  param,
  params,
  server,
  waitForParam,
  world,
} from './harness.mjs';

const ROW_PX = 19;

const selected = () => page.textContent('[role=treeitem][aria-selected=true]');
const name = (idx) => world.tree.functions[world.tree.names[idx]].name;

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

axeFindsNothing([
  ['Explore', '/'],
  ['Explore, focused and searching', '/explore?search=exec&view=graph'],
  ['the table', '/explore?view=table'],
  ['Explore, dark', '/', () => page.keyboard.press('t')],
  ['Hosts', '/hosts'],
  ['a bad selector', '/explore?query=service.name%3Dfeed'],
  ['an empty answer', '/explore?query=%7Ba%3D%22nothing%22%7D'],
  ['the help', '/', () => page.keyboard.press('?')],
  ['the time picker', '/', () => page.click('.time button')],
  ['completions', '/', () => page.type('#selector', '{')],
]);
nothingWentWrong();
