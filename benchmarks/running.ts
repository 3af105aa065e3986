import { map, of } from 'rxjs';
import { materialize } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import type { Benchmark, Figure } from './benchmark.ts';
import { dagsterFigures } from './dagster.ts';
import { chain } from './graphs.ts';
import { check, median } from './measure.ts';

const STEPS = 100;
const DAGSTER = '1.13.27';

/** A chain of trivial ops in one graph-backed asset, recorded in memory: what a step costs beside its body. */
export const running: Benchmark = {
  name: 'running',
  run: async () => {
    const dagster = dagsterFigures(DAGSTER).memory_ms_per_step * 1000;
    const figures: Figure[] = [];
    for (const [kind, asynchronous] of [
      ['plain', false],
      ['async', true],
    ] as const) {
      const defs = chain(STEPS, asynchronous);
      const once = await materialize(defs);
      check(once.value('chain') === STEPS, `a chain of ${STEPS} gives ${STEPS}`);
      let store = memoryStore();
      let runs = 0;
      const perRun = await median(async () => {
        // A store that only grows would measure its own size in the end.
        if ((runs += 1) % 100 === 0) store = memoryStore();
        await materialize(defs, { store });
      });
      figures.push({
        name: `${kind} ops, one step`,
        value: (perRun * 1000) / STEPS,
        unit: 'µs',
        against: { name: `Dagster ${DAGSTER} in memory`, value: dagster, ...(kind === 'plain' && { atLeast: 300 }) },
      });
    }
    figures.push({
      name: 'floor: a bare rxjs map of one value',
      value: (await median(() => hundredMaps(), 300)) * (1000 / STEPS),
      unit: 'µs',
    });
    return figures;
  },
};

function hundredMaps(): void {
  for (let index = 0; index < STEPS; index += 1)
    of(index)
      .pipe(map((n) => n + 1))
      .subscribe();
}
