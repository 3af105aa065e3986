import { execFileSync } from 'node:child_process';
import type { Benchmark } from './benchmark.ts';
import { dagsterFigures } from './dagster.ts';

const ROUNDS = 9;
const DAGSTER = '1.13.27';

/** Starting a process that imports the everyday door, beside one that imports nothing. */
export const importing: Benchmark = {
  name: 'importing',
  run: () => {
    const empty = startUp('');
    const door = startUp('import "sluice";');
    return Promise.resolve([
      { name: 'a process that imports nothing', value: empty, unit: 'ms' },
      {
        name: 'import "sluice", beyond that',
        value: door - empty,
        unit: 'ms',
        against: { name: `import of Dagster ${DAGSTER}`, value: dagsterFigures(DAGSTER).import_s * 1000 },
      },
    ]);
  },
};

function startUp(code: string): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    execFileSync(process.execPath, ['--input-type=module', '--eval', code]);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return times[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}
