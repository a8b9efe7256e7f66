// Drives the pages of findings: regressions with their acknowledgement, and flags.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flags, regressions } from './found.mjs';
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

test('regressions are listed by servers with their intervals, and a row leads to one', async () => {
  world.findings = regressions(200, world.now_ms);
  await open('/regressions?start=now-1h');
  await rowCount(200);
  const servers = (await column(2)).map((text) => Number.parseFloat(text.replace('+', '')));
  assert.deepEqual(
    servers,
    servers.toSorted((a, b) => b - a),
  );
  assert.match((await column(2))[0], /^\+12\.0, 95 % interval \+[\d.]+ to \+[\d.]+$/);
  const dots = await page
    .locator('.interval circle')
    .evaluateAll((circles) => circles.slice(0, 3).map((circle) => circle.getBoundingClientRect().x));
  assert.deepEqual(
    dots,
    dots.toSorted((a, b) => b - a),
    'a dot further right costs more',
  );
  await page.click('.findings tbody a >> nth=0');
  await waitForParam('finding', 'regression-0');
  assert.equal(param('start'), 'now-1h', 'the time goes along');
  await page.waitForSelector('.step-chart path');
  assert.match(
    await page.textContent('.figures'),
    /Servers\+12\.0.*Cores\+192.*\+25\.3 %.*version2\.4\.1.*new_ranker = on/,
  );
  await page.reload();
  await page.waitForSelector('.step-chart path');
  await page.click('text=All regressions');
  await rowCount(200);
});

test('regressions: state, service, filter and order are in the address', async () => {
  world.findings = regressions(30, world.now_ms);
  Object.assign(world.findings[3], { state: 'fixed' });
  await open('/regressions');
  await rowCount(29);
  await page.click('role=button[name="Fixed 1"]');
  await waitForParam('shown', 'fixed');
  await rowCount(1);
  await page.click('role=button[name="All 30"]');
  await rowCount(30);
  assert.equal(await page.locator('thead th').count(), 8, 'states differ, so they are shown');
  await page.selectOption('.by select', 'search');
  await waitForParam('service', 'search');
  await rowCount(15);
  await page.click('thead button:has-text("Function")');
  await waitForParam('order', 'function');
  const names = await column(5);
  assert.deepEqual(names, names.toSorted());
  await page.click('h1');
  await page.keyboard.press('/');
  await page.keyboard.type('RANK');
  await waitForParam('filter', 'RANK');
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.rows tbody tr')].every((row) => /rank/i.test(row.textContent)),
  );
  await page.keyboard.type('nothing such');
  await waitForParam('filter', 'RANKnothing such');
  await page.click('text=Show all services');
  await rowCount(30);
  assert.deepEqual([param('filter'), param('service')], [null, null]);
});

test('a step is read by keyboard, and leads to the code before and after it', async () => {
  world.findings = regressions(2, world.now_ms);
  await open('/regressions?finding=regression-0');
  await page.focus('.step-chart');
  await page.keyboard.press('Home');
  const first = await page.getAttribute('.step-chart', 'aria-valuetext');
  assert.match(first, /: [\d.]+ ms per request$/);
  await page.keyboard.press('ArrowRight');
  assert.notEqual(await page.getAttribute('.step-chart', 'aria-valuetext'), first);
  const [before, after] = await page
    .locator('section[aria-label="Flame graphs"] a')
    .evaluateAll((links) => links.map((link) => Object.fromEntries(new URL(link.href).searchParams)));
  assert.equal(before.query, '{service.name="feed", endpoint="GET /feed"}');
  assert.deepEqual([before.search, before.per, before.end], ['rank', 'request', after.start]);
  await page.click('section[aria-label="Flame graphs"] a >> nth=1');
  await page.waitForSelector('.flame-canvas');
  assert.equal(param('start'), after.start);
  await open('/regressions?finding=regression-1');
  await page.waitForSelector('text=were not kept');
});

test('the code before and after is one picture, coloured by what it cost more', async () => {
  world.findings = regressions(1, world.now_ms);
  const { at_ms } = world.findings[0];
  world.dearer_ms = at_ms;
  await open('/regressions?finding=regression-0');
  await page.waitForSelector('.compared canvas');
  const said = () => page.textContent('.compared-line output');
  assert.match(await said(), /^all: ([\d.]+) (s|ms) → [\d.]+ (s|ms) per request, \+[\d.]+ (s|ms)$/);
  const colourAt = (x, y) =>
    page.evaluate(
      ([across, down]) => {
        const canvas = document.querySelector('.compared canvas');
        const at = canvas.getContext('2d').getImageData(Math.round(canvas.width * across), down, 1, 1);
        return at.data.slice(0, 3).join();
      },
      [x, y],
    );
  assert.equal(await colourAt(0.01, 21), '232,146,74', 'what got dearer');
  assert.equal(await colourAt(0.9, 21), '230,232,236', 'what did not');
  const box = await page.locator('.compared canvas').boundingBox();
  await page.mouse.click(box.x + 10, box.y + 28);
  const name = world.tree.functions[world.tree.names[1]].name;
  await page.mouse.move(5, 5);
  assert.ok((await said()).startsWith(`${name}: `), await said());
  await page.click('text=One up');
  assert.match(await said(), /^all: /);
  await page.focus('.compared');
  await page.keyboard.press('ArrowDown');
  assert.ok((await said()).startsWith(`${name}: `), await said());
  await page.keyboard.press('ArrowUp');
  assert.match(await said(), /^all: /);
  world.bare = true;
  await page.reload();
  await page.waitForSelector('text=There are no samples with requests');
});

test('a finding is acknowledged, and what is refused stands at its field', async () => {
  world.findings = regressions(3, world.now_ms);
  await open('/regressions?finding=regression-2');
  await page.fill('#acknowledge-owner', ' ');
  await page.fill('#acknowledge-reason', 'rewritten next month');
  await page.click('button:has-text("Acknowledge")');
  await page.waitForSelector('#acknowledge-owner[aria-invalid=true]');
  assert.match(await page.textContent('#acknowledge-owner-refused'), /say who answers for it/);
  await page.fill('#acknowledge-owner', 'kim');
  await page.fill('#acknowledge-expires', '2001-01-01');
  await page.click('button:has-text("Acknowledge")');
  await page.waitForSelector('#acknowledge-expires[aria-invalid=true]');
  await page.fill('#acknowledge-expires', '2999-01-01');
  world.down = true;
  await page.click('button:has-text("Acknowledge")');
  await page.waitForSelector('#acknowledge-refused');
  world.down = false;
  await page.click('button:has-text("Acknowledge")');
  await page.waitForSelector('h1 .state[data-state=acknowledged]');
  assert.equal(world.findings[2].acknowledged.owner, 'kim');
  assert.match(await page.textContent('section[aria-label=Acknowledge]'), /kim: rewritten next month/);
  assert.equal(await page.locator('.history li').count(), 2);
});

test('regressions: none, none analysed, none of this id, and one beyond the list', async () => {
  await open('/regressions');
  await page.waitForSelector('text=No new regression');
  assert.match(
    await page.textContent('.message'),
    /looked at [45] min ago.*GET \/feed12\+2\.1 %.*too few hosts1,284series looked at/,
  );
  world.analysed = false;
  await open('/regressions');
  await page.waitForSelector('text=No analysis has reported yet');
  assert.match(await page.textContent('.message pre'), /^fewer analyze --collector http/);
  await open('/regressions?finding=gone');
  await page.waitForSelector('text=There is no such finding');
  world.findings = regressions(1, world.now_ms).map((one) => ({ ...one, kind: 'beyond' }));
  await open('/regressions?finding=regression-0');
  await page.waitForSelector('.step-chart path');
  world.down = true;
  await open('/regressions');
  await page.waitForSelector('text=The collector does not answer');
});

test('flags: a dot and interval each, in cores or servers, now or at full exposure', async () => {
  world.findings = flags(6, world.now_ms);
  await open('/flags');
  await rowCount(6);
  const costs = async () =>
    (await column(2)).map((text) => Number.parseFloat(text.replace('+', '').replace('−', '-')));
  const servers = await costs();
  assert.deepEqual(
    servers,
    servers.toSorted((a, b) => b - a),
  );
  assert.match((await column(1))[0], /new_ranker = on.*against off/);
  await page.click('role=button[name="Cores"]');
  await waitForParam('unit', 'cores');
  await page.click('role=button[name="At 100 %"]');
  await waitForParam('exposure', 'full');
  await page.waitForFunction(() => document.querySelector('.estimate').textContent.startsWith('+9.00'));
  assert.deepEqual((await costs()).length, 6);
  const evidence = await column(5);
  assert.match(evidence[0], /^causal\s+8 hosts$/);
  assert.ok(evidence.some((text) => /observational/.test(text)));
  assert.equal(evidence.filter((text) => /split is off/.test(text)).length, 1);
  assert.ok((await page.locator('.interval[data-side=unclear]').count()) > 0);
  assert.match(await page.textContent('.constant'), /old_searchoff120,000beta_banneroff–/);
});

test('flags: their endpoints open below them, and lead to Explore by the flag', async () => {
  world.findings = flags(6, world.now_ms);
  await open('/flags');
  await rowCount(6);
  await page.focus('.rows tbody button >> nth=1');
  await page.keyboard.press('Enter');
  await waitForParam('open', 'lazy_images=on');
  await rowCount(8);
  await page.click('.rows tbody button:has-text("spell check")');
  await rowCount(11);
  assert.deepEqual(params('open'), ['lazy_images=on', 'spell check=on']);
  await page.reload();
  await rowCount(11);
  await page.click('.rows tbody a:has-text("POST /like/{id}") >> nth=0');
  await page.waitForSelector('.flame-canvas');
  assert.equal(param('by'), 'feature_flag.result.variant.lazy_images');
  assert.equal(param('query'), '{service.name="feed", endpoint="POST /like/{id}"}');
  await page.goBack();
  await page.fill('#table-filter', 'no such flag');
  await page.click('text=Show all');
  await rowCount(11);
});

test('flags: none to compare, and none analysed', async () => {
  await open('/flags');
  await page.waitForSelector('text=No flag costs anything that is sure');
  world.analysed = false;
  await open('/flags');
  await page.waitForSelector('text=No analysis has reported yet');
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

axeFindsNothing([
  ['Regressions', '/regressions?shown=all', filled(regressions(20, Date.now()))],
  ['Regressions, dark', '/regressions', dark(filled(regressions(20, Date.now())))],
  ['no regression', '/regressions'],
  ['one regression', '/regressions?finding=regression-0', filled(regressions(2, Date.now()))],
  ['one regression, dark', '/regressions?finding=regression-0', dark(filled(regressions(2, Date.now())))],
  ['Flags', '/flags?open=new_ranker%3Don', filled(flags(8, Date.now()))],
  ['Flags, dark', '/flags', dark(filled(flags(8, Date.now())))],
]);
nothingWentWrong();
