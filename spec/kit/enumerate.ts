import type { DefinableStep, DefinableWorld } from './define-world.ts';
import { worldOp } from './world-op.ts';

/** What the one op of a step does: emits its required output, leaves out its optional one, or fails. */
export type SmallKind = 'emits' | 'absent' | 'fails';

/** How small, and of what kinds. */
export interface SmallConstraints {
  readonly steps: number;
  readonly kinds: readonly SmallKind[];
  /** Leaves out worlds that are others with their steps called differently; false by default. Dear beyond 5 steps. */
  readonly distinct?: boolean;
}

/**
 * Every world of one definition with this many steps, each with one output and an input for every earlier step of any set: all wirings, all
 * kinds, and all sets of steps that may be assets (each step that nothing reads has to be one). Each once, with steps in a fixed order.
 */
export function* smallWorlds({ steps, kinds, distinct = false }: SmallConstraints): Generator<DefinableWorld> {
  const orders = distinct ? ordersOf(range(steps)) : [];
  for (const wiring of product(Array.from({ length: steps }, (_, step) => subsetsOf(range(step))))) {
    const read = new Set(wiring.flat());
    const choices = range(steps).map((step) => (read.has(step) ? [true, false] : [true]));
    for (const chosen of product(range(steps).map(() => kinds))) {
      const worlds = product(choices).map((assets): Small => ({ wiring, kinds: chosen, assets }));
      for (const world of worlds.filter((each) => !orders.some((order) => isLater(each, order)))) yield smallWorld(world);
    }
  }
}

interface Small {
  readonly wiring: readonly (readonly number[])[];
  readonly kinds: readonly SmallKind[];
  readonly assets: readonly boolean[];
}

/** Whether the same steps in another order, in which each still stands after what it reads, are a world that is the first of its like. */
function isLater({ wiring, kinds, assets }: Small, order: readonly number[]): boolean {
  const place = new Map(order.map((step, at) => [step, at]));
  const moved = order.map((step) => (wiring[step] ?? []).map((read) => place.get(read) ?? 0).toSorted((a, b) => a - b));
  if (moved.some((read, at) => read.some((before) => before >= at))) return false;
  const described = (rows: readonly unknown[]): string => JSON.stringify(rows);
  const own = described(wiring.map((read, step) => [read, kinds[step], assets[step]]));
  return described(moved.map((read, at) => [read, kinds[order[at] ?? 0], assets[order[at] ?? 0]])) < own;
}

/** Every order of a few things. */
function ordersOf(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) => ordersOf(items.filter((each) => each !== first)).map((rest) => [first, ...rest]));
}

function smallWorld({ wiring, kinds, assets }: Small): DefinableWorld {
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
