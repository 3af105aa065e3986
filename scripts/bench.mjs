/** `npm run bench [-- NAME …]`: builds the package, compiles the benchmarks against it, and runs them in plain Node. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, root, runTool } from './bootstrap.mjs';

bootstrap();
for (const folder of ['dist', '.bench']) rmSync(join(root, folder), { recursive: true, force: true });
for (const config of ['tsconfig.build.json', 'tsconfig.bench.json']) {
  const code = await runTool('tsc', ['-p', config]);
  if (code !== 0) process.exit(code);
}
process.chdir(root);
await import('../.bench/run.js');
