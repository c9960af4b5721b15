import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const home = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'chatcluster-pack-'));

interface Packed {
  readonly integrity: string;
  readonly files: readonly { readonly path: string }[];
}

function pack(): Packed {
  const out = execFileSync('npm', ['pack', '--json', '--pack-destination', scratch], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = out.toString();
  // Scripts of the package may write before it.
  const answer = JSON.parse(text.slice(text.search(/^[[{]/m)));
  return (Array.isArray(answer) ? answer : Object.values(answer))[0];
}

describe('the package', () => {
  afterAll(() => rmSync(scratch, { recursive: true }));

  it('is the same bytes each time, and has what it needs and nothing else', { timeout: 120_000 }, () => {
    const [first, second] = [pack(), pack()];
    expect(second.integrity).toBe(first.integrity);
    const paths = first.files.map((f) => f.path);
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(paths.filter((p) => !/^(LICENSE|README\.md|package\.json|dist\/[a-z]+\.(js|d\.ts))$/.test(p))).toEqual([]);
  });
});
