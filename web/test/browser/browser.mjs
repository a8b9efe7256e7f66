// Starts the system's Chromium with a fresh profile and no conversation with the outside.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Opens a browser window; `close` also removes its profile folder. */
export async function openBrowser({ dark = false, calm = false, flags = [], size } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'fewer-web-'));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.FEWER_CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, ...flags],
    viewport: size ?? { width: 1440, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: calm ? 'reduce' : 'no-preference',
    timezoneId: 'UTC',
    locale: 'en-GB',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const close = async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { context, page: context.pages()[0] ?? (await context.newPage()), close };
}
