/** Runs a TypeScript file of this checkout, without a build: `node scripts/run.mjs FILE [ARGUMENTS]`. */
import { bootstrap, runTypeScript } from './bootstrap.mjs';

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Usage: node scripts/run.mjs FILE [ARGUMENTS]\n');
  process.exit(2);
}
bootstrap();
await runTypeScript(file, args);
