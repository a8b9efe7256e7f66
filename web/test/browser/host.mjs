// Opens the pages of a running collector and checks that they show real, named code of a real host.
//
//   node test/browser/host.mjs URL [FOLDER FOR SCREENSHOTS]
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from './browser.mjs';

const [url, folder] = process.argv.slice(2);
const { page, close } = await openBrowser({ calm: true });
const complaints = [];
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('requestfailed', (request) => {
  // The pages themselves drop questions whose answer is no longer wanted.
  const reason = request.failure()?.errorText;
  if (reason !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${reason}`);
});
page.on('request', (request) => {
  if (!request.url().startsWith(new URL(url).origin)) complaints.push(`outside request: ${request.url()}`);
});

try {
  await page.goto(url);
  const tree = page.getByRole('tree');
  await tree.getByRole('treeitem').nth(1).waitFor({ timeout: 20_000 });
  await page.locator('tbody th button span').nth(12).waitFor({ timeout: 20_000 });
  const names = await page.locator('tbody th button span').allInnerTexts();
  const named = names.filter((name) => name.trim() !== '' && !/\+0x[0-9a-f]+$/.test(name));
  assert.ok(named.length >= 10, `functions by name in the table: ${named.length} of ${names.length}`);
  const pixels = await page
    .locator('canvas')
    .last()
    .evaluate((canvas) => {
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const colours = new Set();
      for (let at = 0; at < data.length; at += 4 * 97) colours.add(data.slice(at, at + 3).join());
      return colours.size;
    });
  assert.ok(pixels > 5, `the flame graph has ${pixels} colours`);
  if (folder) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, 'explore.png') });
  }
  await page.getByRole('link', { name: 'Endpoints' }).click();
  await page.locator('.endpoints tbody tr, .message pre').first().waitFor({ timeout: 10_000 });
  if (folder) await page.screenshot({ path: join(folder, 'endpoints.png') });
  for (const name of ['Regressions', 'Flags', 'Dead code', 'Shared memory', 'Capacity']) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor({ timeout: 10_000 });
    await page.locator('.rows tbody tr, .finding, .message').first().waitFor({ timeout: 10_000 });
    if (folder) await page.screenshot({ path: join(folder, `${name.toLowerCase().replace(' ', '-')}.png`) });
  }
  await page.getByRole('link', { name: 'Hosts' }).click();
  await page.getByText('os.kernel').waitFor({ timeout: 10_000 });
  if (folder) await page.screenshot({ path: join(folder, 'hosts.png') });
  assert.deepEqual(complaints, []);
  console.log(`${named.length} functions by name, ${pixels} colours in the flame graph`);
} finally {
  await close();
}
