// Builds `dist/`: hashed files under `assets/`, nothing inlined, so that a strict content security policy holds.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The first versions with `light-dark()` in style sheets.
    target: ['chrome123', 'firefox120', 'safari17.5'],
  },
  server: {
    // The API comes from a collector on its default address while the pages are worked on.
    proxy: { '/api': 'http://127.0.0.1:4040', '/openapi.json': 'http://127.0.0.1:4040' },
  },
  // Properties take seconds where the machine has other work.
  test: { include: ['test/unit/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
});
