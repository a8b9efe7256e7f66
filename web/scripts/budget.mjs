// Prints what the pages weigh and fails when one of the limits is passed. Needs a built dist/.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist', import.meta.url).pathname;
if (!existsSync(join(dist, 'index.html'))) {
  console.error('dist/ is not built: run `npm run build` first');
  process.exit(1);
}
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/\.(br|gz)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name));
const page = readFileSync(join(dist, 'index.html'), 'utf8');

const gzipSize = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const sum = (list, size) => list.reduce((total, file) => total + size(file), 0);
const scripts = files.filter((file) => file.endsWith('.js'));
const styles = files.filter((file) => file.endsWith('.css'));
/** What the page itself names; the rest is loaded when its page is opened. */
const atFirst = (list) => list.filter((file) => page.includes(file.slice(dist.length)));
const plainSize = (file) => statSync(file).size;

const rows = [
  ['JS at first paint, gzip', sum(atFirst(scripts), gzipSize), 60_000],
  ['all JS, gzip', sum(scripts, gzipSize), 120_000],
  ['CSS at first paint', sum(atFirst(styles), plainSize), 12_000],
  // Each page that is opened later brings its own: five pages of findings came to the first three.
  ['all CSS', sum(styles, plainSize), 24_000],
  ['dist, uncompressed', sum(files, plainSize), 600_000],
  ['web fonts', files.filter((file) => /\.(woff2?|ttf|otf)$/.test(file)).length, 0],
  ['addresses of other hosts in the page', (page.match(/(src|href)="(https?:)?\/\//g) ?? []).length, 0],
];
for (const [what, size, limit] of rows) {
  console.log(`${size > limit ? 'OVER' : 'ok  '}  ${what}: ${size} of ${limit}`);
}
if (rows.some(([, size, limit]) => size > limit)) process.exit(1);
