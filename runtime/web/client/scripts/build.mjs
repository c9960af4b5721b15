// Builds dist/ anew: modules and declarations, the same bytes from the same sources. The package has the repository's license.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${here}dist`, { recursive: true, force: true });
const tsc = spawnSync('npx', ['tsc', '-p', 'tsconfig.json'], { cwd: here, stdio: 'inherit' });
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
copyFileSync(`${here}../../../LICENSE`, `${here}LICENSE`);
