import { plan } from 'sluice';
import type { Benchmark, Figure } from './benchmark.ts';
import { dagsterFigures } from './dagster.ts';
import { fan } from './graphs.ts';
import { check, median } from './measure.ts';

const DAGSTER = '1.13.27';

/** Planning one asset out of a graph of many ops. */
export const planning: Benchmark = {
  name: 'planning',
  run: async () => {
    const { subset_planning_s } = dagsterFigures(DAGSTER);
    const figures: Figure[] = [];
    for (const ops of [101, 201, 401, 801]) {
      const defs = fan((ops - 1) / 2);
      const last = `asset_${(ops - 1) / 2 - 1}`;
      const planned = plan(defs, { select: [last] });
      check(defs.graph.steps.length === ops && planned.steps.length === 3, 'one asset of the fan takes three steps');
      const value = await median(() => plan(defs, { select: [last] }), 400);
      const dagster = (subset_planning_s[`${ops} ops`] ?? Number.NaN) * 1000;
      figures.push({
        name: `one asset of ${ops} ops`,
        value,
        unit: 'ms',
        against: { name: `Dagster ${DAGSTER}`, value: dagster, ...(ops === 801 && { atLeast: 500 }) },
      });
    }
    const fresh = await median(() => plan(fan(400), { select: ['asset_399'] }), 600);
    figures.push({
      name: 'one asset of 801 ops, definitions included',
      value: fresh,
      unit: 'ms',
      against: { name: `Dagster ${DAGSTER}`, value: (subset_planning_s['801 ops'] ?? Number.NaN) * 1000 },
    });
    return figures;
  },
};
