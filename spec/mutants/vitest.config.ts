import { resolve } from 'node:path';
import { mergeConfig, type ViteUserConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { mutants } from './all-mutants.ts';
import { mutate, type Mutant } from './mutant.ts';

const root = resolve(import.meta.dirname, '../..');

/** Gives the sources as a mutant has them; the files stay as they are. */
function mutating(mutant: Mutant): NonNullable<ViteUserConfig['plugins']>[number] {
  const files = new Set(mutant.edits.map(({ file }) => file));
  return {
    name: 'sluice-mutant',
    enforce: 'pre',
    transform(text, id) {
      const file = id.startsWith(`${root}/`) ? id.slice(root.length + 1) : id;
      return files.has(file) ? { code: mutate(mutant, file, text), map: null } : undefined;
    },
  };
}

const mutant = mutants.get(process.env['SLUICE_MUTANT'] ?? '');

// The config of every spec, with one mutant in place of the sources and the same cases in every run.
const config: ViteUserConfig = mergeConfig(base, {
  root,
  plugins: mutant === undefined ? [] : [mutating(mutant)],
  test: {
    setupFiles: ['./spec/mutants/same-cases.ts'],
    env: { SLUICE_CASES: 'mutants' },
    typecheck: { enabled: false },
  },
});
export default config;
