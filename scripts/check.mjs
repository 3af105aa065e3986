/** `npm run check`: everything that can be said about the code without running it. Goes on after a failure, and lists all. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, root, runTool } from './bootstrap.mjs';

const steps = [
  { name: 'types', tool: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'lint', tool: 'oxlint', args: ['--type-aware', '--deny-warnings', '.'] },
  { name: 'format', tool: 'prettier', args: ['--check', '--log-level=warn', '.'] },
  { name: 'unused', tool: 'knip', args: ['--no-progress'] },
  { name: 'build', tool: 'tsc', args: ['-p', 'tsconfig.build.json'] },
  { name: 'package', tool: 'publint', args: ['--strict'] },
  { name: 'declarations', tool: 'attw', args: ['--pack', '.', '--profile', 'esm-only', '--no-summary', '--no-emoji'] },
];

bootstrap();
rmSync(join(root, 'dist'), { recursive: true, force: true });
const failed = [];
for (const { name, tool, args } of steps) {
  process.stdout.write(`── ${name}: ${tool} ${args.join(' ')}\n`);
  const code = await runTool(tool, args);
  if (code !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? 'check: all is well\n' : `check: failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
