import { deepStrictEqual } from 'node:assert/strict';
import { accountOfRun, sortedRecord, type Account } from './account.ts';
import { defineWorld } from './define-world.ts';
import { anyFirst, once, type LawTrial } from './law-trial.ts';
import { flattened, keepSteps, renamed, shuffled } from './rewrite.ts';
import type { WorldCase } from './world-case.ts';

/** Chooses among `n`, as the case itself decides, so that it shrinks and repeats. */
function chooserOf({ world, runs }: WorldCase): (n: number) => number {
  const numbers = [
    ...Object.values(world.sources).map(Number),
    ...Object.values(world.steps).map(({ op }) => op.made?.k ?? 0),
    runs.length,
  ];
  let state = numbers.reduce((sum, each) => (sum * 31 + each) % 2_147_483_647, 1);
  return (n) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % n;
  };
}

/** S12 */
export const orderBlind: LawTrial = {
  cases: { ...anyFirst, maxNesting: 0 },
  async check(shape, run, bench) {
    const { world } = shape;
    const [one, two] = [await bench.play(world, run), await bench.play(shuffled(world, chooserOf(shape)), run)];
    deepStrictEqual(accountOfRun(two), accountOfRun(one));
    deepStrictEqual(sortedRecord(two.recorded), sortedRecord(one.recorded));
  },
};

/** S13 */
export const flatteningAndNames: LawTrial = {
  cases: { ...anyFirst, maxNesting: 3 },
  async check({ world }, run, bench) {
    const before = await bench.play(world, run);
    const flat = flattened(world);
    deepStrictEqual(accountOfRun(await bench.play(flat.world, run)), withIds(accountOfRun(before), flat.newId), 'flattened');
    const other = renamed(world);
    const after = await bench.play(other.world, run);
    deepStrictEqual(after.recorded, before.recorded, 'renamed');
    deepStrictEqual(after.result.outcomes, before.result.outcomes, 'renamed');
    deepStrictEqual(
      Object.keys(accountOfRun(after).settled ?? {}).toSorted(),
      Object.keys(withIds(accountOfRun(before), other.newId).settled ?? {}).toSorted(),
    );
  },
};

function withIds(account: Account, newId: ReadonlyMap<string, string>): Account {
  const ids = <T>(record: Readonly<Record<string, T>> = {}): Readonly<Record<string, T>> =>
    sortedRecord(Object.entries(record).map(([id, each]) => [newId.get(id) ?? id, each]));
  return { ...account, ran: ids(account.ran), loaded: ids(account.loaded), settled: ids(account.settled) };
}

/** S14 */
export const deadBranches: LawTrial = {
  cases: anyFirst,
  async check({ world }, run, bench) {
    const several = new Set(Object.values(world.steps).map(({ definition }) => definition)).size > 1;
    const needed = new Set(bench.planOf(defineWorld(world), run).steps.map(({ step }) => step.id));
    const pruned = keepSteps(world, (id) => needed.has(id));
    const left = new Set(Object.values(pruned.steps).map(({ definition }) => definition)).size;
    // A lone definition's steps are printed without its name.
    if (left === 0 || (several && left === 1)) return;
    deepStrictEqual(accountOfRun(await bench.play(pruned, run)), accountOfRun(await bench.play(world, run)));
  },
};

/** S15 */
export const allOrNothing: LawTrial = {
  cases: { ...once, maxDefinitions: 2 },
  async check({ world }, run, bench) {
    const started: string[] = [];
    const defs = defineWorld(world, { canSubset: false, watch: (step) => started.push(step) });
    const store = await bench.store();
    const partial = defs.definitions.filter(({ assets }) => {
      const chosen = [...assets.keys()].filter((key) => run.select.has(key)).length;
      return chosen > 0 && chosen < assets.size;
    });
    const account = await bench.account(defs, run, { store, sources: world.sources });
    deepStrictEqual(account.refused?.[0] === 'NOT_SUBSETTABLE', partial.length > 0, 'a part is refused, and nothing else');
    if (partial.length > 0) deepStrictEqual([started, await store.port.head()], [[], 0], 'nothing ran, and nothing was written');
  },
};
