/** `npm test`: every spec. Its last line is `N passed, N failed`. Arguments after `--` go to vitest. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap, runTool } from './bootstrap.mjs';

bootstrap();
const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
const tallyFile = join(folder, 'tally');
const code = await runTool('vitest', ['run', ...process.argv.slice(2)], { SLUICE_TALLY_FILE: tallyFile });
const tally = readTally();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${tally}\n`);
process.exitCode = code;

/** A run that died before it could count has failed, and says so in the same words. */
function readTally() {
  try {
    return readFileSync(tallyFile, 'utf8');
  } catch {
    return '0 passed, 1 failed';
  }
}
