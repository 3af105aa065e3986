/** `npm run build`: the package's five doors and the files behind them, into dist/. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, root, runTool } from './bootstrap.mjs';

bootstrap();
rmSync(join(root, 'dist'), { recursive: true, force: true });
process.exitCode = await runTool('tsc', ['-p', 'tsconfig.build.json']);
