import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string | undefined;

/**
 * The script of a process of a torture, as plain JavaScript: what starts thousands of processes cannot wait for each of them to
 * compile. Compiled once, with all that it imports, into a folder that goes when this process ends.
 *
 * @param name of a file in this folder, without its ending
 */
export function compiled(name: string): string {
  folder ??= compileAll();
  return join(folder, 'out', 'spec', 'torture', `${name}.js`);
}

function compileAll(): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-torture-scripts-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      noCheck: true,
      declaration: false,
      sourceMap: false,
      rootDir: root,
      outDir: join(made, 'out'),
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    include: [join(root, 'spec', 'torture', '*-process.ts'), join(root, 'store', 'care-process.ts')],
  };
  writeFileSync(join(made, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(made, 'package.json'), JSON.stringify({ type: 'module' }));
  symlinkSync(join(root, 'node_modules'), join(made, 'node_modules'), 'junction');
  const { status, stdout, error } = spawnSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', made], {
    cwd: made,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The scripts of the tortures cannot be compiled: ${error?.message ?? stdout}`);
  return made;
}
