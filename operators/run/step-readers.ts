import type { PlannedEntry, PlannedStep } from '../../lib/plan/plan.ts';

/** By output of one step: the plan indices of the steps that read it. */
export type StepReaders = ReadonlyMap<number, ReadonlySet<number>>;

/** By plan index: who reads what of a step, of the readers given. */
export function readersOf(readers: readonly PlannedStep[]): readonly (StepReaders | undefined)[] {
  const found: Map<number, Set<number>>[] = [];
  for (const { index, inputs } of readers) for (const { entries } of inputs) for (const entry of entries) addReader(found, entry, index);
  return found;
}

function addReader(found: Map<number, Set<number>>[], entry: PlannedEntry, reader: number): void {
  if (entry.from !== 'step') return;
  const outputs = (found[entry.step] ??= new Map());
  const readers = outputs.get(entry.output);
  if (readers === undefined) outputs.set(entry.output, new Set([reader]));
  else readers.add(reader);
}
