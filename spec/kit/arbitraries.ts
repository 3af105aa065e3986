import fc from 'fast-check';
import { checkVerbOptions, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { BOUND, CHANCE, CHOICES, DEPTH, someOf } from './constraint-rules.ts';
import { worldOp, behaviours, type Behaviour } from './world-op.ts';
import { bodyForms, type BodyForm } from './world-body.ts';
import type { DefinableStep, DefinableWorld, WorldOp } from './define-world.ts';
import { printMermaid, printProgram } from './print-code.ts';
import { printWorld } from './print-world.ts';
import type { WorldEntry } from './reference.ts';
import type { WorldCase, WorldRun } from './world-case.ts';

/** How large and how wild worlds may be. */
export interface WorldConstraints {
  readonly maxSteps?: number;
  /** Above 1, steps are spread over several definitions, which read each other's assets. */
  readonly maxDefinitions?: number;
  /** How deep graphs may be nested. */
  readonly maxNesting?: number;
  readonly behaviours?: readonly Behaviour[];
  readonly forms?: readonly BodyForm[];
  /** How often an input holds, from 0, the default, to 1. What such a step gives depends on earlier runs. */
  readonly holds?: number;
}

/** The rules of {@link WorldConstraints}. */
export const WORLD_RULES: OptionRules<WorldConstraints> = {
  maxSteps: BOUND,
  maxDefinitions: BOUND,
  maxNesting: DEPTH,
  // One of them, under which nothing comes out, is drawn only where it is asked for.
  behaviours: someOf([...behaviours, 'throw' satisfies Behaviour]),
  forms: someOf(bodyForms),
  holds: CHANCE,
};

interface InputSeed {
  readonly kind: 'value' | 'list' | 'nothing';
  readonly optional: boolean;
  readonly hold: boolean;
  /** Each entry, counted back from the newest output. */
  readonly offsets: readonly number[];
}

interface StepSeed {
  readonly behaviour: Behaviour;
  readonly k: number;
  readonly form: BodyForm;
  /** How many steps back the op was placed first; 0 for an op of its own. */
  readonly again: number;
  readonly inputs: readonly InputSeed[];
  readonly outputs: readonly { readonly required: boolean; readonly isAsset: boolean }[];
  readonly result: boolean;
  readonly depth: number;
  readonly startsGraph: boolean;
  readonly definition: number;
}

/**
 * Definable worlds. Edges are offsets back from the newest output, so that steps can be left out of a failing one and it stays a world.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function world(constraints: WorldConstraints = {}): fc.Arbitrary<DefinableWorld> {
  checkVerbOptions('world', constraints, WORLD_RULES);
  const { maxSteps = 8 } = constraints;
  const sources = fc.array(fc.nat({ max: 99 }), { minLength: 1, maxLength: 2 });
  const steps = fc.array(stepSeed(constraints), { minLength: 1, maxLength: maxSteps, size: 'max' });
  return fc.record({ sources, steps }).map(({ sources, steps }) => assemble(sources, steps));
}

/** Behaviours under which not all is lost most of the time. */
const likely: readonly Behaviour[] = [
  ...behaviours,
  'all',
  'all',
  'all',
  'selected',
  'selected',
  'selected',
  'data',
  'data',
  'data',
  'required',
];

function stepSeed({ maxDefinitions = 1, maxNesting = 2, holds = 0, ...constraints }: WorldConstraints): fc.Arbitrary<StepSeed> {
  const often = (chance: number): fc.Arbitrary<boolean> => fc.nat({ max: 9 }).map((n) => n >= 10 - 10 * chance);
  const input = fc.record({
    kind: fc.constantFrom('value', 'value', 'value', 'list', 'list', 'nothing'),
    optional: often(0.2),
    hold: often(holds),
    offsets: fc.array(fc.nat({ max: 7 }), { maxLength: 3 }),
  });
  return fc.record({
    behaviour: fc.constantFrom(...(constraints.behaviours ?? likely)),
    k: fc.nat({ max: 99 }),
    form: fc.constantFrom(...(constraints.forms ?? bodyForms)),
    again: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) }),
    inputs: fc.array(input, { maxLength: 3, size: 'max' }),
    outputs: fc.array(fc.record({ required: fc.boolean(), isAsset: fc.boolean() }), { minLength: 1, maxLength: 3 }),
    result: often(0.3),
    depth: fc.nat({ max: maxNesting }),
    startsGraph: often(0.3),
    definition: fc.nat({ max: maxDefinitions - 1 }),
  });
}

interface Draft {
  readonly op: WorldOp;
  readonly name: string;
  readonly definition: string;
  readonly nest: readonly string[];
  readonly inputs: readonly (readonly WorldEntry[])[];
  readonly assets: Set<string>;
  isRead: boolean;
}

/** Puts seeds together: every entry points at what is there, and what would be refused (D5) is mended. */
function assemble(sourceValues: readonly number[], seeds: readonly StepSeed[]): DefinableWorld {
  const sources = Object.fromEntries(sourceValues.map((value, i) => [`x${i}`, value]));
  const drafts: Draft[] = [];
  const open = new Map<string, readonly string[]>();
  for (const [i, seed] of seeds.entries()) {
    const definition = `def${seed.definition}`;
    const before = seed.startsGraph ? [] : (open.get(definition) ?? []).slice(0, seed.depth);
    const nest = [...before, ...Array.from({ length: seed.depth - before.length }, (_, level) => `sub${i}_${before.length + level}`)];
    open.set(definition, nest);
    drafts.push(draftStep({ drafts, definition, nest, sources: Object.keys(sources), seed, index: i }));
  }
  for (const { definition } of drafts) mendDefinition(drafts.filter((each) => each.definition === definition));
  return finish(drafts, sources);
}

interface Drafting {
  readonly drafts: readonly Draft[];
  readonly definition: string;
  readonly nest: readonly string[];
  readonly sources: readonly string[];
  readonly seed: StepSeed;
  readonly index: number;
}

function draftStep({ drafts, definition, nest, sources, seed, index }: Drafting): Draft {
  const name = `s${index}`;
  const op = (seed.again === 0 ? undefined : drafts[index - seed.again]?.op) ?? opOf(`op${index}`, seed);
  const available = [
    ...sources.map((source) => ({ source })),
    ...drafts.flatMap((each) => Object.keys(each.op.outputs).map((output) => ({ step: each.name, output }))),
  ];
  const inputs = op.inputs.map(({ kind, optional }, i) => {
    const offsets = seed.inputs[i]?.offsets ?? [];
    const wanted = kind !== 'value' ? offsets : offsets.length === 0 && !optional ? [0] : offsets.slice(0, 1);
    const places = new Set(wanted.map((offset) => available.length - 1 - (offset % available.length)));
    return [...places].flatMap((place) => available[place] ?? []);
  });
  for (const entry of inputs.flat()) {
    const producer = 'step' in entry ? drafts.find((each) => each.name === entry.step) : undefined;
    if (producer === undefined || !('step' in entry)) continue;
    if (producer.definition === definition) producer.isRead = true;
    else producer.assets.add(entry.output);
  }
  const assets = new Set(Object.keys(op.outputs).filter((_, i) => seed.outputs[i]?.isAsset === true));
  return { op, name, definition, nest, inputs, assets, isRead: false };
}

function opOf(name: string, { behaviour, k, form, inputs, outputs, result }: StepSeed): WorldOp {
  const declared = result ? [['result', { required: true }] as const] : outputs.map(({ required }, i) => [`o${i}`, { required }] as const);
  return worldOp({
    name,
    inputs: inputs.map(({ kind, optional, hold }, i) => ({ name: `i${i}`, kind, optional, hold: hold && kind !== 'nothing' })),
    outputs: Object.fromEntries(declared),
    form,
    behaviour,
    k,
  });
}

/** A leaf of a definition's own graph must be an asset, and so must something of each definition. */
function mendDefinition(drafts: readonly Draft[]): void {
  const addAsset = ({ op, assets }: Draft): unknown => assets.add(Object.keys(op.outputs)[0] ?? '');
  for (const each of drafts) if (each.nest.length === 0 && !each.isRead && each.assets.size === 0) addAsset(each);
  const last = drafts.at(-1);
  if (last !== undefined && drafts.every(({ assets }) => assets.size === 0)) addAsset(last);
}

function finish(drafts: readonly Draft[], sources: Readonly<Record<string, number>>): DefinableWorld {
  const several = new Set(drafts.map(({ definition }) => definition)).size > 1;
  const idOf = ({ definition, nest, name }: Draft): string => `${several ? `${definition}:` : ''}${[...nest, name].join('.')}`;
  const ids = new Map(drafts.map((draft) => [draft.name, idOf(draft)]));
  const steps = drafts.map((draft): readonly [string, DefinableStep] => {
    const { op, name, definition, nest, assets } = draft;
    const moved = (entry: WorldEntry): WorldEntry => ('step' in entry ? { ...entry, step: ids.get(entry.step) ?? '' } : entry);
    const inputs = op.inputs.map((each, i) => ({ ...each, entries: (draft.inputs[i] ?? []).map(moved) }));
    const outputs = Object.entries(op.outputs).map(([output, { required }]) => [
      output,
      { required, asset: assets.has(output) ? `a_${name}_${output}` : undefined },
    ]);
    return [idOf(draft), { definition, name, nest, op, inputs, outputs: Object.fromEntries(outputs), emit: op.emit }];
  });
  return { steps: Object.fromEntries(steps), sources };
}

/** The keys of all assets of a world, in the order of its steps. */
export function assetsOf({ steps }: DefinableWorld): readonly string[] {
  return Object.values(steps).flatMap(({ outputs }) => Object.values(outputs).flatMap(({ asset }) => asset ?? []));
}

/** How cases are made. */
export interface CaseConstraints extends WorldConstraints {
  readonly maxRuns?: number;
  readonly policies?: Partial<{ readonly [Policy in keyof Omit<WorldRun, 'select'>]: readonly WorldRun[Policy][] }>;
}

const CASE_RULES: OptionRules<CaseConstraints> = { ...WORLD_RULES, maxRuns: BOUND, policies: CHOICES };

/** The policies under which a first run fills the store. */
const everything: Omit<WorldRun, 'select'> = {
  unselectedOutputs: 'discard',
  inGraphUpstream: 'recompute',
  crossGraphUpstream: 'recompute',
};

/**
 * Worlds with runs on them; often the first one selects everything, so that later ones find something to load. A failing one is printed as the
 * world's steps and the runs, a line each, then as a program and as a drawing.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function worldCase(given: CaseConstraints = {}): fc.Arbitrary<WorldCase> {
  checkVerbOptions('worldCase', given, CASE_RULES);
  const { maxRuns = 3, policies = {}, ...constraints } = given;
  const most = 3 * (constraints.maxSteps ?? 8);
  const run = fc.record({
    chosen: fc.array(fc.boolean(), { minLength: most, maxLength: most }),
    unselectedOutputs: fc.constantFrom(...(policies.unselectedOutputs ?? (['discard', 'materialize', 'error'] as const))),
    inGraphUpstream: fc.constantFrom(...(policies.inGraphUpstream ?? (['recompute', 'load'] as const))),
    crossGraphUpstream: fc.constantFrom(...(policies.crossGraphUpstream ?? (['load', 'recompute'] as const))),
  });
  const runs = fc.array(run, { minLength: 1, maxLength: maxRuns });
  return fc.record({ world: world(constraints), isFull: fc.boolean(), runs }).map(({ world, isFull, runs }) => {
    const assets = assetsOf(world);
    const chosen = runs.map(({ chosen, ...policy }) => ({ ...policy, select: new Set(assets.filter((_, i) => chosen[i] === true)) }));
    const all = isFull && maxRuns > 1 ? [{ ...everything, select: new Set(assets) }, ...chosen.slice(0, maxRuns - 1)] : chosen;
    return { world, runs: all, [fc.toStringMethod]: () => printFailed({ world, runs: all }) };
  });
}

/** What is printed of a case that fails: as text, as a program to run, and as a drawing. */
function printFailed(failed: WorldCase): string {
  return [printCase(failed), '', '```ts', `${printProgram(failed)}\`\`\``, '```mermaid', printMermaid(failed.world), '```'].join('\n');
}

/** A case as text: one line a source, a step and a run. */
export function printCase({ world, runs }: WorldCase): string {
  const policies = ({ unselectedOutputs, inGraphUpstream, crossGraphUpstream }: WorldRun): string =>
    `${unselectedOutputs}, ${inGraphUpstream}, across ${crossGraphUpstream}`;
  return ['', printWorld(world), ...runs.map((run) => `run [${[...run.select].join(', ')}] ${policies(run)}`)].join('\n');
}
