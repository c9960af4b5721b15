// What the first load costs: every script and style sheet of the build, compressed as a server would. Fails above the budget.
import { readdirSync, readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const budget = 80 * 1024;
const dist = new URL('../../dist/assets/', import.meta.url);
const sizes = { raw: 0, gzip: 0, brotli: 0 };
for (const name of readdirSync(dist).filter((n) => /\.(js|css)$/.test(n))) {
  const bytes = readFileSync(new URL(name, dist));
  const gzip = gzipSync(bytes, { level: 9 }).length;
  const brotli = brotliCompressSync(bytes).length;
  process.stdout.write(`${name}  ${bytes.length} bytes, gzip ${gzip}, brotli ${brotli}\n`);
  sizes.raw += bytes.length;
  sizes.gzip += gzip;
  sizes.brotli += brotli;
}
process.stdout.write(
  `total  ${sizes.raw} bytes, gzip ${sizes.gzip}, brotli ${sizes.brotli}, budget ${budget} (gzip)\n`,
);
if (sizes.raw === 0 || sizes.gzip > budget) {
  process.stderr.write(
    sizes.raw === 0 ? 'There is no build. Run npm run build.\n' : 'The first load is over its budget.\n',
  );
  process.exit(1);
}
