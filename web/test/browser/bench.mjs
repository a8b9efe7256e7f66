// Measures the flame graph at several sizes, cut by the server and whole: CPU time of the page's main thread for a
// zoom and for a wheel step, wall time to the first graph, and memory. Prints one line of JSON for each.
//   node test/browser/bench.mjs [frames …]
import { openBrowser } from './browser.mjs';
import { makeWorld, startServer } from './server.mjs';

const ROW_PX = 19;
const ROUNDS = 20;
const sizes = process.argv.slice(2).map(Number);

for (const frames of sizes.length > 0 ? sizes : [10_000, 100_000, 1_000_000]) {
  const world = makeWorld({ frames });
  for (const uncut of [false, true]) {
    Object.assign(world, { uncut });
    console.log(JSON.stringify({ frames, uncut, ...(await measure(world)) }));
  }
}

async function measure(world) {
  const server = await startServer(world);
  const browser = await openBrowser({ calm: true, flags: ['--disable-frame-rate-limit'] });
  const { page } = browser;
  const session = await browser.context.newCDPSession(page);
  await session.send('Performance.enable');
  const cpu_ms = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * metrics.find((metric) => metric.name === 'ThreadTime').value;
  };
  const began = performance.now();
  await page.goto(`${server.origin}/explore?view=graph`);
  await page.waitForSelector('[role=treeitem]', { state: 'attached' });
  await settled(page);
  const load_ms = performance.now() - began;
  const load_cpu_ms = await cpu_ms();

  const box = await page.locator('.flame-canvas').boundingBox();
  // What measuring itself costs is taken off.
  const probes = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await cpu_ms();
    await page.mouse.move(5, 5 + (round % 2));
    await settled(page);
    probes.push((await cpu_ms()) - before);
  }
  const probe_ms = median(probes);
  const zooms = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await cpu_ms();
    await page.mouse.click(box.x + 20, box.y + ROW_PX * 3.5);
    await settled(page);
    zooms.push((await cpu_ms()) - before - probe_ms);
    await page.keyboard.press('0');
    await page.waitForLoadState('networkidle');
    await settled(page);
  }
  const wheels = [];
  await page.mouse.move(box.x + 300, box.y + 60);
  await page.keyboard.down('Control');
  for (let round = 0; round < ROUNDS; round++) {
    const before = await cpu_ms();
    await page.mouse.wheel(0, round % 2 === 0 ? -120 : 120);
    await settled(page);
    wheels.push((await cpu_ms()) - before - probe_ms);
  }
  await page.keyboard.up('Control');
  const { metrics } = await session.send('Performance.getMetrics');
  const heap_mib = metrics.find((metric) => metric.name === 'JSHeapUsedSize').value / 2 ** 20;
  await browser.close();
  server.close();
  const shown = {
    probe_ms,
    load_ms,
    load_cpu_ms,
    zoom_cpu_ms: median(zooms),
    zoom_cpu_worst_ms: Math.max(...zooms),
  };
  const rest = {
    wheel_cpu_ms: median(wheels),
    wheel_cpu_p95_ms: wheels.sort((a, b) => a - b).at(-2),
    heap_mib,
  };
  return Object.fromEntries(
    Object.entries({ ...shown, ...rest }).map(([key, value]) => [key, Number(value.toFixed(1))]),
  );
}

/** Two frames later, what was asked for is on the screen. */
function settled(page) {
  return page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
  );
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
