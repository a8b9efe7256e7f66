// Drives the pages of what could be saved: dead code, shared memory, capacity.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capacity, deadCode, flags, regressions, sharing } from './found.mjs';
import {
  axeFindsNothing,
  nothingWentWrong,
  open,
  page,
  param,
  params,
  waitForParam,
  world,
} from './harness.mjs';

const column = (idx) => page.locator(`.rows tbody tr > :nth-child(${idx})`).allTextContents();
const rowCount = (count) =>
  page.waitForFunction(
    (wanted) => document.querySelector('.rows table')?.getAttribute('aria-rowcount') === String(wanted + 1),
    count,
  );
const figure = (name) =>
  page.locator(`.figures div:has(dt:text-is("${name}")) dd`).evaluate((dd) => dd.firstChild.data);

test('dead code: the release by area and shade, and a module narrows the list', async () => {
  world.findings = deadCode(60, world.now_ms);
  await open('/dead-code');
  await rowCount(60);
  await page.waitForSelector('.treemap g');
  const areas = await page
    .locator('.treemap g rect:first-of-type')
    .evaluateAll((boxes) =>
      boxes.slice(0, 8).map((box) => box.width.baseVal.value * box.height.baseVal.value),
    );
  assert.deepEqual(
    areas,
    areas.toSorted((a, b) => b - a),
  );
  const shades = await page
    .locator('.treemap g')
    .evaluateAll((groups) => groups.map((one) => one.dataset.shade));
  assert.deepEqual([...new Set(shades)].sort(), ['0', '1', '2', '3', '4', 'none']);
  assert.match(
    await page.getAttribute('.treemap g >> nth=0', 'aria-label'),
    /^feed\/rank.py: 0 of 40 functions not seen/,
  );
  await page.focus('.treemap g >> nth=0');
  await page.keyboard.press('Enter');
  await waitForParam('module', 'feed/rank.py');
  await rowCount(10);
  assert.match(
    await page.textContent('.footnote'),
    /about 3\.10 are expected to be alive \(95 % interval 1\.00 to 7\.00\)/,
  );
  await page.keyboard.press(' ');
  await rowCount(60);
  await page.click('role=button[name="Candidate 24"]');
  await waitForParam('kind', 'candidate');
  await rowCount(24);
  assert.match((await column(5))[0], /^840 blocks, 12 hosts/);
  await page.click('thead button:has-text("Dead")');
  const dead = (await column(4)).map(Number.parseFloat);
  assert.deepEqual(
    dead,
    dead.toSorted((a, b) => b - a),
  );
  await page.selectOption('.by select', 'search');
  await waitForParam('service', 'search');
  await rowCount(12);
  const heads = await page.locator('thead th').allTextContents();
  assert.ok(!heads.includes('Service'), 'one service needs no column');
  await page.fill('#table-filter', 'no such function');
  await page.click('text=Show all 30');
  await rowCount(30);
});

test('shared memory: a bar for each host, the list by owner, and what to change', async () => {
  world.findings = sharing(30, world.now_ms);
  await open('/sharing');
  await rowCount(30);
  await page.waitForSelector('.host-bars li');
  const widths = await page
    .locator('.host-bars li:first-child rect')
    .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().width));
  assert.ok(Math.abs(widths[1] / widths[0] - 1_100 / 400) < 0.05, `${widths}`);
  assert.match(await page.textContent('.host-bars li:first-child'), /web-1.*1\.10 GB/);
  const saved = (await column(5)).slice(0, 3);
  assert.deepEqual(saved, ['3.84 GB', '1.92 GB', '1.28 GB']);
  await page.click('.rows tbody button >> nth=0');
  await waitForParam('finding', 'sharing-0');
  await page.waitForSelector('.advice pre:text-is("preload_app = True")');
  assert.match(await page.textContent('.advice'), /on 12 hosts.*predicted 1\.40 servers/);
  await page.reload();
  await page.click('.advice button');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'preload_app = True');
  await page.fill('#table-filter', 'nothing such');
  await page.click('text=Show all 30');
  await rowCount(30);
});

test('capacity: a step for each finding, combined, and what if', async () => {
  const found = regressions(6, world.now_ms);
  Object.assign(found[2], { state: 'fixed', banked: { at_stake: 4, predicted: 4, observed: 3, banked: 2 } });
  world.findings = [...capacity(world.now_ms), ...found];
  await open('/capacity');
  await page.waitForSelector('.stairs text');
  assert.deepEqual([await figure('Servers needed'), await figure('Runs on')], ['64', '72']);
  // 12 and 2.04 servers of 61.6, each of what is left: 12 + 1.6.
  assert.equal(await figure('After all that is ticked'), '50');
  assert.equal(await figure('Saved so far, measured'), '3.00');
  assert.deepEqual(await page.locator('.stairs text[text-anchor=middle]').allTextContents(), [
    'before',
    '1',
    'now',
    '2',
    '3',
  ]);
  assert.ok(await page.isDisabled('.deal input >> nth=0'), 'what is done cannot be left out');
  await page.click('.deal input >> nth=1');
  await waitForParam('without', 'regression-0');
  assert.equal(await figure('After all that is ticked'), '62');
  await page.focus('.what-if input >> nth=0');
  await page.keyboard.press('ArrowRight');
  await waitForParam('requests', '105');
  assert.equal(await figure('Servers needed'), '67');
  await page.click('role=button[name="As it is"]');
  assert.equal(param('requests'), null);
  await page.selectOption('.by select', 'search');
  await waitForParam('service', 'search');
  assert.deepEqual(params('without'), []);
  assert.equal(await figure('Servers needed'), '12');
  assert.equal(await figure('After all that is ticked'), '12', 'memory binds, so CPU frees nothing');
  await page.selectOption('.by select', 'batch');
  await page.waitForSelector('text=no requests with a rate');
  await open('/capacity?service=nobody');
  await page.click('text=Other services');
  await page.waitForSelector('.stairs');
});

test('a finding has an address on the page of its kind', async () => {
  world.findings = [
    ...deadCode(5, world.now_ms),
    ...flags(6, world.now_ms),
    ...sharing(3, world.now_ms),
    ...capacity(world.now_ms),
  ];
  await open('/dead-code?finding=dead_code-3');
  await rowCount(1);
  await page.click('text=All candidates');
  await rowCount(5);
  await open('/flags?finding=flag-11');
  await rowCount(3);
  assert.match(await page.textContent('tr[data-chosen=true]'), /^POST \/like/);
  await page.click('text=All flags');
  await rowCount(6);
  await open('/sharing?finding=sharing-1');
  await page.waitForSelector('tr[data-chosen=true]:has-text("django.urls.resolvers")');
  await open('/capacity?finding=capacity-0');
  await page.waitForSelector('.stairs text');
  assert.equal(await figure('Servers needed'), '64');
});

test('nothing found, nothing analysed', async () => {
  const check = async (address, words) => {
    await open(address);
    await page.waitForSelector(`text=${words}`);
  };
  await check('/dead-code', 'No candidate');
  await check('/sharing', 'Nothing worth changing was found');
  world.funnels = { capacity: { candidates: 0 } };
  await check('/capacity', 'No service has servers to spare or to add');
  world.funnels = null;
  world.analysed = false;
  await check('/capacity', 'No analysis has reported yet');
  await check('/dead-code', 'No analysis has reported yet');
  await check('/sharing', 'No analysis has reported yet');
  world.down = true;
  await check('/capacity', 'The collector does not answer');
});

test('all pages are reached from the header, and take the time along', async () => {
  await open('/explore?start=now-3h');
  const titles = await page.locator('nav a').allTextContents();
  assert.deepEqual(titles, [
    'Explore',
    'Endpoints',
    'Regressions',
    'Flags',
    'Dead code',
    'Shared memory',
    'Capacity',
    'Hosts',
  ]);
  for (const title of titles) {
    await page.click(`nav a:text-is("${title}")`);
    await page.waitForSelector(`nav a[aria-current]:text-is("${title}")`);
    assert.equal(await page.title(), `${title} · fewer`);
    assert.equal(param('start'), 'now-3h');
  }
});

const filled = (findings) => async () => {
  world.findings = findings;
  await page.reload();
  await page.waitForSelector('.rows, .finding');
  await page.waitForLoadState('networkidle');
};
const dark = (prepare) => async () => {
  await prepare();
  await page.keyboard.press('t');
};
const needed = [...capacity(Date.now()), ...regressions(4, Date.now())];

axeFindsNothing([
  ['Dead code', '/dead-code', filled(deadCode(20, Date.now()))],
  ['Dead code, dark', '/dead-code', dark(filled(deadCode(20, Date.now())))],
  ['Shared memory', '/sharing?finding=sharing-0', filled(sharing(9, Date.now()))],
  ['Shared memory, dark', '/sharing', dark(filled(sharing(9, Date.now())))],
  ['Capacity', '/capacity', filled(needed)],
  ['Capacity, dark', '/capacity?requests=150', dark(filled(needed))],
]);
nothingWentWrong();
