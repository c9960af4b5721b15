import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from './server.js';

const here = (path: string) => new URL(`../../${path}`, import.meta.url);

describe('the program of the README', () => {
  let server: Server;
  const dir = mkdtempSync(join(tmpdir(), 'chatcluster-readme-'));
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(async () => {
    rmSync(dir, { recursive: true });
    await server?.close();
  });

  it('runs, with the package as it is built', async () => {
    const page = readFileSync(here('README.md'), 'utf8');
    const program = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(program).toContain("from '@chatcluster/client'");
    const file = join(dir, 'program.mjs');
    // Node 20 has no WebSocket of its own.
    const socket = `import { WebSocket } from '${import.meta.resolve('ws')}';\nglobalThis.WebSocket ??= WebSocket;\n`;
    const ours = program
      .replace('@chatcluster/client', here('dist/index.js').href)
      .replace('http://127.0.0.1:18080', server.url);
    writeFileSync(file, socket + ours);
    const env = { ...process.env, ALICE: server.token('alice'), BOB: server.token('bob') };
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 60_000 });
    expect(stdout).toMatch(/^c:[0-9a-f-]+ pending$/m);
    expect(stdout).toMatch(/^c:[0-9a-f-]+ sent$/m);
    expect(stdout).toMatch(/^alice: hello$/m);
  });
});
