import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceFile, type SourceFile } from './source-file.ts';

/** The folder of the checkout. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

const textual = /(\.(m?[jt]s|json|md|ya?ml|txt|sh)|(^|\/)(\.[a-z.]+|run|LICENSE))$/;
const largest = 1_000_000;

/** Every text file that git tracks or would track, with slashes in its path. */
export function projectFiles(): readonly SourceFile[] {
  return (listByGit() ?? listByWalking())
    .filter((path) => textual.test(path) && existsSync(join(root, path)) && statSync(join(root, path)).size <= largest)
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')));
}

function listByGit(): readonly string[] | undefined {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout, status } = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return status === 0 ? stdout.split('\0') : undefined;
}

/** Without git (an unpacked archive, a checkout that belongs to somebody else): everything but what is known to be made. */
function listByWalking(folder = ''): readonly string[] {
  const made = /^(node_modules|dist|coverage|\.git|\.sluice)$/;
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return made.test(entry.name) ? [] : listByWalking(path);
    return entry.isFile() ? [path] : [];
  });
}
