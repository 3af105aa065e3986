import fc from 'fast-check';
import type { Behaviour } from '../kit/world-op.ts';
import type { DraftStep, MadeOutput, Wire } from './incremental-world.ts';

interface StepSeed {
  readonly behaviour: Behaviour;
  readonly isVoid: boolean;
  readonly k: number;
  readonly definition: number;
  readonly isNested: boolean;
  readonly inputs: readonly {
    readonly kind: 'value' | 'list' | 'nothing';
    readonly optional: boolean;
    readonly hold: boolean;
    readonly offsets: readonly number[];
  }[];
  readonly outputs: readonly { readonly required: boolean; readonly isAsset: boolean; readonly passes: MadeOutput['passes'] }[];
  readonly flags: Pick<DraftStep, 'declaresVersion' | 'isVolatile' | 'isTogether' | 'takesConfig' | 'isLater'>;
}

/** What is asked of a run, but for the surroundings. The bits of `chosen` say of each asset in turn whether it is selected; 0: all are. */
export interface AskedRun {
  readonly do: 'run';
  readonly mode: 'refresh' | 'materialize';
  readonly chosen: number;
  readonly unselectedOutputs: 'discard' | 'materialize' | 'error';
  readonly inGraphUpstream: 'auto' | 'recompute' | 'load';
  readonly crossGraphUpstream: 'auto' | 'load';
  /** Cancelled when so many bodies have started; 0: never. */
  readonly cancelAfter: number;
}

/** One thing that happens to a world or its store. Numbers are taken modulo what there is. */
export type Action =
  | AskedRun
  | { readonly do: 'put'; readonly source: number; readonly value: number }
  | { readonly do: 'code' | 'touch' | 'rename' | 'op' | 'nest' | 'remove' | 'break'; readonly step: number }
  | { readonly do: 'config'; readonly step: number; readonly value: number }
  | { readonly do: 'asset'; readonly step: number; readonly output: number }
  | { readonly do: 'optional'; readonly step: number; readonly input: number }
  | { readonly do: 'rewire'; readonly step: number; readonly input: number; readonly offsets: readonly number[] }
  | { readonly do: 'add'; readonly seed: StepSeed }
  | { readonly do: 'lose'; readonly which: number }
  | { readonly do: 'restart' | 'tick' };

/** A world to start with, and what happens to it. */
export interface HistoryCase {
  readonly sources: readonly number[];
  readonly seeds: readonly StepSeed[];
  readonly actions: readonly Action[];
}

/** How histories are made. */
export interface HistoryConstraints {
  readonly maxSteps?: number;
  readonly maxActions?: number;
  readonly maxDefinitions?: number;
  readonly behaviours?: readonly Behaviour[];
  readonly actions?: readonly Action['do'][];
  /** How often, out of ten, a step or an output is something of this kind. */
  readonly volatile?: number;
  readonly together?: number;
  readonly passing?: number;
  readonly voids?: number;
  readonly later?: number;
  readonly unversioned?: number;
  readonly holds?: number;
  /** How many outputs have a derived version, beside some of those that pass by reference. */
  readonly derived?: number;
}

const likely: readonly Behaviour[] = [
  'all',
  'all',
  'all',
  'collapse',
  'collapse',
  'data',
  'data',
  'selected',
  'holes',
  'omit',
  'fail',
  'late',
  'required',
];

/** True so many times out of ten; shrinks towards false. */
const often = (times: number): fc.Arbitrary<boolean> => fc.nat({ max: 9 }).map((n) => n >= 10 - times);

function stepSeed(constraints: HistoryConstraints): fc.Arbitrary<StepSeed> {
  const {
    maxDefinitions = 3,
    volatile = 1,
    together = 2,
    passing = 2,
    voids = 1,
    later = 3,
    unversioned = 3,
    holds = 2,
    derived = 0,
  } = constraints;
  const input = fc.record({
    kind: fc.constantFrom('value', 'value', 'value', 'list', 'list', 'nothing'),
    optional: often(2),
    hold: often(holds),
    offsets: fc.array(fc.nat({ max: 6 }), { maxLength: 3 }),
  });
  const passes = fc.oneof(
    { weight: 10 - passing - derived, arbitrary: fc.constant('kept' as const) },
    { weight: derived, arbitrary: fc.constant('derived' as const) },
    { weight: passing, arbitrary: fc.constantFrom('transient', 'opaque', 'derived', 'derived') },
  );
  return fc.record({
    behaviour: fc.constantFrom(...(constraints.behaviours ?? likely)),
    isVoid: often(voids),
    k: fc.nat({ max: 30 }),
    definition: fc.nat({ max: maxDefinitions - 1 }),
    isNested: often(3),
    inputs: fc.array(input, { maxLength: 3, size: 'max' }),
    outputs: fc.array(fc.record({ required: fc.boolean(), isAsset: fc.boolean(), passes }), { minLength: 1, maxLength: 3 }),
    flags: fc.record({
      declaresVersion: often(10 - unversioned),
      isVolatile: often(volatile),
      isTogether: often(together),
      takesConfig: often(2),
      isLater: often(later),
    }),
  });
}

/** What a step may be wired to: sources, and the outputs of the steps before it. */
export function wirableOf(sources: readonly string[], before: readonly DraftStep[]): readonly Wire[] {
  return [
    ...sources.map((source) => ({ source })),
    ...before.flatMap(({ id, outputs }) => outputs.map(({ name }) => ({ step: id, output: name }))),
  ];
}

/** Wires counted back from the newest output. */
export function wiresAt(wirable: readonly Wire[], offsets: readonly number[]): readonly Wire[] {
  return offsets.flatMap((offset) => wirable[wirable.length - 1 - (offset % wirable.length)] ?? []);
}

/** A draft of a step from its seed. */
export function draftOf(
  seed: StepSeed,
  id: string,
  { sources, before }: { readonly sources: readonly string[]; readonly before: readonly DraftStep[] },
): DraftStep {
  const wirable = wirableOf(sources, before);
  const { inputs, outputs, flags, definition, ...nature } = seed;
  return {
    ...nature,
    ...flags,
    id,
    name: id,
    op: `op_${id}`,
    definition: `d${definition}`,
    code: 0,
    touched: 0,
    inputs: inputs.map(({ kind, optional, hold, offsets }, i) => ({
      name: `i${i}`,
      kind,
      optional,
      hold: hold && kind !== 'nothing',
      entries: wiresAt(wirable, offsets),
    })),
    outputs: nature.isVoid
      ? [{ name: 'result', required: true, passes: 'transient', isAsset: outputs[0]?.isAsset === true }]
      : outputs.map((each, i) => ({ ...each, name: `o${i}` })),
  };
}

const weights: Readonly<Record<Action['do'], number>> = {
  run: 24, put: 10, code: 3, touch: 2, rename: 1, op: 1, nest: 1, remove: 2, break: 2, config: 2, asset: 1, optional: 1, rewire: 3, add: 2, lose: 5, restart: 2, tick: 2,
}; // prettier-ignore

function action(constraints: HistoryConstraints): fc.Arbitrary<Action> {
  const at = { step: fc.nat({ max: 11 }) };
  const kind = <Do extends Action['do']>(name: Do): { readonly do: fc.Arbitrary<Do> } => ({ do: fc.constant(name) });
  const onStep = (['code', 'touch', 'rename', 'op', 'nest', 'remove', 'break'] as const).map((name) => fc.record({ ...kind(name), ...at }));
  const bare = (['restart', 'tick'] as const).map((name) => fc.record(kind(name)));
  const all: readonly fc.Arbitrary<Action>[] = [
    askedRun(),
    fc.record({ ...kind('put'), source: fc.nat({ max: 1 }), value: fc.nat({ max: 5 }) }),
    fc.record({ ...kind('config'), ...at, value: fc.nat({ max: 3 }) }),
    fc.record({ ...kind('asset'), ...at, output: fc.nat({ max: 2 }) }),
    fc.record({ ...kind('rewire'), ...at, input: fc.nat({ max: 2 }), offsets: fc.array(fc.nat({ max: 6 }), { maxLength: 3 }) }),
    fc.record({ ...kind('optional'), ...at, input: fc.nat({ max: 2 }) }),
    fc.record({ ...kind('add'), seed: stepSeed(constraints) }),
    fc.record({ ...kind('lose'), which: fc.nat({ max: 20 }) }),
    ...onStep,
    ...bare,
  ];
  const names: readonly Action['do'][] = ['run', 'put', 'config', 'asset', 'rewire', 'optional', 'add', 'lose', 'code', 'touch', 'rename', 'op', 'nest', 'remove', 'break', 'restart', 'tick']; // prettier-ignore
  const wanted = all.flatMap((arbitrary, index) => {
    const name = names[index] ?? 'run';
    const isWanted = constraints.actions === undefined || constraints.actions.includes(name);
    return isWanted ? [{ weight: weights[name], arbitrary }] : [];
  });
  return fc.oneof(...wanted);
}

function askedRun(): fc.Arbitrary<AskedRun> {
  return fc.record({
    do: fc.constant('run'),
    mode: fc.constantFrom('refresh', 'refresh', 'refresh', 'materialize'),
    chosen: fc.oneof(fc.constant(0), fc.nat({ max: 2 ** 30 - 1 })),
    unselectedOutputs: fc.constantFrom('discard', 'discard', 'discard', 'materialize', 'error'),
    inGraphUpstream: fc.constantFrom('auto', 'auto', 'recompute', 'load'),
    crossGraphUpstream: fc.constantFrom('auto', 'auto', 'load'),
    cancelAfter: fc.oneof({ weight: 7, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) }),
  });
}

/** Histories: a world of a few steps, and what happens to it. */
export function history(constraints: HistoryConstraints = {}): fc.Arbitrary<HistoryCase> {
  const { maxSteps = 8, maxActions = 10 } = constraints;
  return fc.record({
    sources: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 2 }),
    seeds: fc.array(stepSeed(constraints), { minLength: 1, maxLength: maxSteps, size: 'max' }),
    actions: fc.array(action(constraints), { minLength: 1, maxLength: maxActions, size: 'max' }),
  });
}
