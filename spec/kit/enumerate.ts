import type { DefinableStep, DefinableWorld } from './define-world.ts';
import { worldOp } from './world-op.ts';

/** What the one op of a step does: emits its required output, leaves out its optional one, or fails. */
export type SmallKind = 'emits' | 'absent' | 'fails';

/** How small, and of what kinds. */
export interface SmallConstraints {
  readonly steps: number;
  readonly kinds: readonly SmallKind[];
}

/**
 * Every world of one definition with this many steps, each with one output and an input for every earlier step of any set: all wirings, all
 * kinds, and all sets of steps that may be assets (each step that nothing reads has to be one). Each once, with steps in a fixed order.
 */
export function* smallWorlds({ steps, kinds }: SmallConstraints): Generator<DefinableWorld> {
  for (const wiring of product(Array.from({ length: steps }, (_, step) => subsetsOf(range(step))))) {
    const read = new Set(wiring.flat());
    const choices = range(steps).map((step) => (read.has(step) ? [true, false] : [true]));
    for (const chosen of product(range(steps).map(() => kinds))) {
      for (const assets of product(choices)) yield smallWorld(wiring, chosen, assets);
    }
  }
}

function smallWorld(wiring: readonly (readonly number[])[], kinds: readonly SmallKind[], assets: readonly boolean[]): DefinableWorld {
  const steps = wiring.map((read, index): readonly [string, DefinableStep] => {
    const kind = kinds[index] ?? 'emits';
    const name = `s${index}`;
    const behaviour = kind === 'emits' ? 'all' : kind === 'absent' ? 'required' : 'throw';
    const inputs = read.map((before) => ({ name: `from_${before}`, kind: 'value' as const, optional: false }));
    const op = worldOp({ name, inputs, outputs: { result: { required: kind !== 'absent' } }, form: 'record', behaviour, k: 100 * index });
    const wired = inputs.map((each, i) => ({ ...each, entries: [{ step: `s${read[i] ?? 0}`, output: 'result' }] }));
    const result = { required: kind !== 'absent', asset: assets[index] === true ? `a${index}` : undefined };
    return [name, { definition: 'small', name, nest: [], op, inputs: wired, outputs: { result }, emit: op.emit }];
  });
  return { steps: Object.fromEntries(steps), sources: {} };
}

/** Every subset of a list, the empty one first, in the order of the list. */
export function subsetsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.reduce<readonly (readonly T[])[]>((subsets, item) => [...subsets, ...subsets.map((subset) => [...subset, item])], [[]]);
}

/** Every way to choose one item of each list. */
function product<T>(lists: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return lists.reduce<readonly (readonly T[])[]>((chosen, list) => chosen.flatMap((each) => list.map((item) => [...each, item])), [[]]);
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
