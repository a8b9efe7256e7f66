// What the tests of the pages share: the made-up collector, the browser, and what they keep asking of the page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, beforeEach, test } from 'node:test';
import { openBrowser } from './browser.mjs';
import { makeWorld, startServer } from './server.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// There once the tests run.
export let server;
export let world;
export let page;
let browser;
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
  Object.assign(world, {
    down: false,
    empty: false,
    bare: false,
    analysed: true,
    findings: [],
    dearer_ms: null,
  });
});
after(async () => {
  await browser.close();
  server.close();
});

export async function open(address = '/') {
  await page.goto('about:blank');
  await page.goto(server.origin + address);
}

export async function openGraph(address = '/') {
  await open(address);
  await page.waitForSelector('.flame-canvas');
  await page.waitForSelector('[role=treeitem]', { state: 'attached' });
}

export const param = (name) => new URL(page.url()).searchParams.get(name);
export const params = (name) => new URL(page.url()).searchParams.getAll(name);
export const waitForParam = (wanted, value) =>
  page.waitForFunction(
    ([key, text]) => new URLSearchParams(location.search).get(key) === text,
    [wanted, value],
  );

/** One test for each of `[what, address, prepare]`. */
export function axeFindsNothing(cases) {
  for (const [what, address, prepare] of cases) {
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
}

/** The last test of a file. */
export function nothingWentWrong() {
  test('nothing went wrong unseen, and nothing was asked of another host', () => {
    assert.deepEqual(strays, []);
  });
}
