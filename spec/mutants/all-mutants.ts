import { liveMutants } from './live-table.ts';
import { serviceMutants } from './service-table.ts';
import { memoryMutants } from './memory-table.ts';
import type { Mutant } from './mutant.ts';
import { planMutants } from './plan-table.ts';
import { stepMutants } from './step-table.ts';

/** Every mutant, by name. */
export const mutants: ReadonlyMap<string, Mutant> = byName([
  ...planMutants,
  ...stepMutants,
  ...memoryMutants,
  ...liveMutants,
  ...serviceMutants,
]);

function byName(all: readonly Mutant[]): ReadonlyMap<string, Mutant> {
  const named = new Map(all.map((mutant) => [mutant.name, mutant]));
  if (named.size < all.length) throw new Error('Two mutants have one name: the first would never be tried.');
  return named;
}
