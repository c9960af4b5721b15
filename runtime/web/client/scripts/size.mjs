// What the package adds to an app: everything of it, minified and compressed. Fails above the limit.

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const limit = 20 * 1024;
const here = fileURLToPath(new URL('..', import.meta.url));
const result = await build({
  root: here,
  configFile: false,
  logLevel: 'error',
  // As an app would: a library's build keeps its whitespace.
  build: {
    ...{ write: false, target: 'es2022', modulePreload: false },
    rolldownOptions: { input: 'src/index.ts', preserveEntrySignatures: 'strict' },
  },
});
const { output } = Array.isArray(result) ? result[0] : result;
const code = output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('');
const size = gzipSync(code, { level: 9 }).length;
process.stdout.write(`${size} bytes compressed, ${code.length} minified, ${limit} allowed\n`);
if (size > limit) process.exit(1);
