import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { wordOfSources } from './spec/drawn/drawn-from.ts';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The doors by their package names, so that specs may be written as a user would write them. */
const doors = [
  { find: /^sluice$/, replacement: source('./index.ts') },
  { find: /^sluice\/operators$/, replacement: source('./operators/index.ts') },
  { find: /^sluice\/store$/, replacement: source('./store/index.ts') },
  { find: /^sluice\/store\/memory$/, replacement: source('./lib/memory/index.ts') },
  { find: /^sluice\/testing$/, replacement: source('./spec/kit/index.ts') },
];

export default defineConfig({
  resolve: { alias: doors },
  test: {
    include: ['spec/**/*.spec.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    environment: 'node',
    pool: 'forks',
    // Vitest leaves one core to itself, which is half of a small machine, although it hardly needs it.
    maxWorkers: Math.max(Math.min(availableParallelism(), 2), availableParallelism() - 1),
    setupFiles: ['./spec/drawn/setup.ts'],
    // Random cases are drawn from a word: by default from the sources as they are.
    env: { SLUICE_CASES: process.env['SLUICE_CASES'] ?? wordOfSources() },
    // For what hangs: no machine is so busy that a test meets it otherwise.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    typecheck: { enabled: true, include: ['spec/**/*.spec-d.ts'], tsconfig: './tsconfig.json', ignoreSourceErrors: false },
    reporters: ['default', './scripts/tally-reporter.mjs'],
    coverage: {
      provider: 'v8',
      include: ['index.ts', 'lib/**/*.ts', 'operators/**/*.ts', 'store/**/*.ts', 'spec/kit/**/*.ts'],
      reporter: ['text', 'html'],
    },
  },
});
