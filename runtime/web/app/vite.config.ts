import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The gateway that the dev server passes /v1 on to. */
const gateway = process.env.CHATD_URL ?? 'http://127.0.0.1:18080';

/** What the gateway lets the page do. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'";

export default defineConfig({
  base: '/app/',
  // The SDK is built with the app, from its source.
  resolve: { alias: { '@chatcluster/client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)) } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { '/v1': { target: gateway, ws: true, changeOrigin: true } },
  },
  preview: {
    port: 4173,
    strictPort: true,
    headers: { 'Content-Security-Policy': policy },
  },
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2023',
    cssTarget: ['chrome125', 'firefox125', 'safari17.5'],
    // The page's policy allows no data: URLs, so nothing is put into the files that name it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', sw: 'src/offline/worker.ts' },
      // A service worker keeps its name, and may only speak for what lies beside it.
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
    reportCompressedSize: false,
    sourcemap: false,
  },
  test: {
    environment: 'happy-dom',
    env: { BASE_URL: '/app/' },
    setupFiles: ['test/setup.ts'],
    include: ['test/**/*.test.{ts,tsx}'],
    restoreMocks: true,
  },
});
