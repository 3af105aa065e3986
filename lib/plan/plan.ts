import { createHash } from 'node:crypto';
import { SelectionError } from '../kernel/errors.ts';
import { frozenSet } from '../kernel/frozen-collections.ts';
import { invariant } from '../kernel/invariant.ts';
import { kindOf } from '../kernel/print.ts';
import { CHECKED_LATER, checkVerbOptions, type OptionRules } from '../kernel/verb-options.ts';
import type { RunMode, RunPolicies } from '../events/logged-event.ts';
import type { AssetKey } from '../model/asset-key.ts';
import { checkDefinitions } from '../model/check-definitions.ts';
import type { Definitions } from '../model/definitions.ts';
import type { InputKind } from '../model/port.ts';
import type { Provision } from '../model/resource.ts';
import type { Entry, Step } from '../model/step-graph.ts';
import { checkConfigShape, ConfigReader, type GivenConfig, type StepConfig } from './config.ts';
import { needOf, supplyOf, type Need } from './need.ts';
import { readMode, readPolicies } from './policies.ts';
import { provideResources, sizePools } from './provide.ts';
import { resolveSelection, type Select } from './selection.ts';

/** One entry of an input in a plan. `step` is an index into the plan's own steps. */
export type PlannedEntry =
  | { readonly from: 'step'; readonly step: number; readonly output: number }
  | { readonly from: 'store'; readonly key: AssetKey; readonly source: boolean };

/** One input of a planned step. */
export interface PlannedInput {
  readonly name: string;
  readonly kind: InputKind;
  readonly optional: boolean;
  /** Whether an entry without a value reads as the last one that it had (X3). */
  readonly hold: boolean;
  readonly entries: readonly PlannedEntry[];
}

/** A step that may run, with the outputs that are in need. */
export interface PlannedStep {
  readonly index: number;
  readonly step: Step;
  /** Indices of the outputs in need, in declared order. */
  readonly needed: readonly number[];
  /** Names of the outputs in need: what the body is asked for (N4). */
  readonly selectedOutputs: ReadonlySet<string>;
  readonly inputs: readonly PlannedInput[];
  /** What the body gets as its config; `undefined` for an op that takes none. */
  readonly config: StepConfig | undefined;
  /** Plan indices of everything that settles first. */
  readonly predecessors: readonly number[];
}

/** What a run will do, as far as that is known without a store: frozen, and equal for equal input (N8). */
export interface Plan<Assets = unknown> {
  readonly kind: 'plan';
  readonly defs: Definitions<Assets>;
  readonly mode: RunMode;
  readonly selection: ReadonlySet<AssetKey>;
  readonly policies: RunPolicies;
  /** Every step comes after everything that it reads. */
  readonly steps: readonly PlannedStep[];
  /** What the run was given as config. */
  readonly config: GivenConfig;
  /** Where the resources of the steps come from, by name. */
  readonly resources: ReadonlyMap<string, Provision>;
  /** How many steps of each pool may run at the same time. */
  readonly pools: ReadonlyMap<string, number>;
  /** Hash of the mode, the selection, the policies and the steps with their wiring, code versions and config. */
  readonly hash: string;
}

/** What {@link plan} takes beside the definitions. */
export interface PlanOptions<Assets> extends Partial<RunPolicies> {
  /** `materialize`, the default, makes what is selected anew; `refresh` only what is not as a run would make it. */
  readonly mode?: RunMode;
  /** Keys and expressions; everything where it is left out. */
  readonly select?: Select<Assets>;
  /** Config of ops and graphs, by name or by step. */
  readonly config?: GivenConfig;
  /** Resources that `define` does not provide, or that stand in for those that it does. */
  readonly resources?: readonly Provision[];
  /** Sizes of pools, where they differ from what `define` says. */
  readonly pools?: Readonly<Record<string, number>>;
}

/** The options of a plan; their values are checked where they are read. */
export const PLAN_RULES: OptionRules<PlanOptions<unknown>> = {
  mode: CHECKED_LATER,
  select: CHECKED_LATER,
  unselectedOutputs: CHECKED_LATER,
  inGraphUpstream: CHECKED_LATER,
  crossGraphUpstream: CHECKED_LATER,
  config: CHECKED_LATER,
  resources: CHECKED_LATER,
  pools: CHECKED_LATER,
};

/**
 * Closes a selection over what it needs and puts the steps in order. Pure.
 *
 * @throws SelectionError INVALID_SELECTION, INVALID_OPTION, UNKNOWN_ASSET, SOURCE_NOT_COMPUTED, NOT_SUBSETTABLE, INVALID_CONFIG,
 *   MISSING_RESOURCE, UNKNOWN_RESOURCE, UNKNOWN_POOL
 */
export function plan<Assets>(defs: Definitions<Assets>, options: PlanOptions<Assets> = {}): Plan<Assets> {
  checkDefinitions('plan', defs);
  checkVerbOptions('plan', options, PLAN_RULES);
  const selection = resolveSelection(defs, options.select);
  const mode = readMode(options.mode);
  const asked = { mode, selection, policies: readPolicies(options, mode) };
  const last = lastPlanned.get(defs);
  const known = last !== undefined && isSameQuestion(last, asked) ? last : undefined;
  // It has the assets of its definitions, which these are.
  if (known !== undefined && isAsDefined(known) && hasNothingOfItsOwn(options)) return known as Plan<Assets>;
  const made = planWith(defs, { asked, known }, options);
  if (made.steps.every(({ config }) => config === undefined)) lastPlanned.set(defs, made);
  return made;
}

interface Question {
  readonly asked: Asked;
  /** A plan of the same steps, which may have been given something else. */
  readonly known: Plan | undefined;
}

function planWith<Assets>(defs: Definitions<Assets>, { asked, known }: Question, options: PlanOptions<Assets>): Plan<Assets> {
  const config = options.config === undefined ? NO_CONFIG : checkConfigShape(options.config);
  const configs = new ConfigReader(defs, config);
  const { selection, steps, hash } = known ?? planAnew(defs, asked, configs);
  const places = steps.map(({ step }) => step);
  return Object.freeze({
    kind: 'plan',
    defs,
    mode: asked.mode,
    selection,
    policies: asked.policies,
    config,
    steps,
    hash,
    resources: provideResources(defs, places, options.resources),
    pools: sizePools(defs, places, options.pools),
  });
}

const NO_CONFIG: GivenConfig = Object.freeze({});

type Asked = Pick<Plan, 'mode' | 'selection' | 'policies'>;

/**
 * What was planned last, of steps that take no config: a service plans the same again and again, and such a plan is a function of the
 * definitions and of what is asked.
 */
const lastPlanned = new WeakMap<Definitions, Plan>();

function isSameQuestion(plan: Plan, { mode, selection, policies }: Asked): boolean {
  return (
    plan.mode === mode &&
    plan.policies.unselectedOutputs === policies.unselectedOutputs &&
    plan.policies.inGraphUpstream === policies.inGraphUpstream &&
    plan.policies.crossGraphUpstream === policies.crossGraphUpstream &&
    isSameSet(plan.selection, selection)
  );
}

/** Whether all that a plan was given comes from its definitions. */
function isAsDefined({ defs, config, resources, pools }: Plan): boolean {
  return config === NO_CONFIG && resources === defs.resources && pools === defs.pools;
}

function hasNothingOfItsOwn({ config, resources, pools }: Pick<PlanOptions<unknown>, 'config' | 'resources' | 'pools'>): boolean {
  return config === undefined && resources === undefined && pools === undefined;
}

function planAnew(defs: Definitions, asked: Asked, configs: ConfigReader): Pick<Plan, 'selection' | 'steps' | 'hash'> {
  const { selection, policies } = asked;
  const steps = planSteps(defs, { need: needOf(defs, selection, policies), selection, policies, configs });
  return { selection, steps, hash: hashPlan({ ...asked, steps }) };
}

function isSameSet<Item>(one: ReadonlySet<Item>, other: ReadonlySet<Item>): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  for (const item of one) if (!other.has(item)) return false;
  return true;
}

/**
 * Refuses what is no plan: definitions, most often.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function checkPlan(verb: 'run' | 'resolve' | 'explain', given: unknown): void {
  if (typeof given === 'object' && given !== null && Reflect.get(given, 'kind') === 'plan') return;
  throw new SelectionError(
    'INVALID_OPTION',
    `${verb}() takes a plan first, and got ${kindOf(given)}. Make one with plan(defs, { select }).`,
    { details: { verb } },
  );
}

interface Planning {
  readonly need: Need;
  readonly selection: ReadonlySet<AssetKey>;
  readonly policies: RunPolicies;
  readonly configs: ConfigReader;
}

function planSteps(defs: Definitions, planning: Planning): readonly PlannedStep[] {
  const order = [...planning.need.keys()].sort((a, b) => a - b);
  const indexOf = new Map(order.map((step, index) => [step, index]));
  const places: Places = {
    defs,
    planning,
    at: (step) => {
      const index = indexOf.get(step);
      invariant(index !== undefined, 'need is closed: what a needed step reads is needed too');
      return index;
    },
    has: (step) => indexOf.has(step),
  };
  return Object.freeze(order.map((global, index) => planStep(places, global, index)));
}

/** Where the steps of the whole graph are in the plan. */
interface Places {
  readonly defs: Definitions;
  readonly planning: Planning;
  readonly at: (step: number) => number;
  readonly has: (step: number) => boolean;
}

function planStep(places: Places, global: number, index: number): PlannedStep {
  const step = places.defs.graph.steps[global];
  invariant(step !== undefined, 'need only holds steps of the graph');
  const needed = [...(places.planning.need.get(global) ?? [])].sort((a, b) => a - b);
  const inputs: PlannedInput[] = [];
  for (const { name, kind, optional, hold, entries } of step.inputs) {
    const planned: PlannedEntry[] = [];
    for (const entry of entries) planned.push(planEntry(places, step, entry));
    inputs.push(Object.freeze({ name, kind, optional, hold, entries: Object.freeze(planned) }));
  }
  const after = step.after.filter(places.has).map(places.at);
  return Object.freeze({
    index,
    step,
    needed: Object.freeze(needed),
    selectedOutputs: frozenSet(needed.map((output) => step.outputs[output]?.name ?? '')),
    inputs: Object.freeze(inputs),
    config: places.planning.configs.of(step),
    predecessors: Object.freeze([...new Set([...readSteps(inputs), ...after])]),
  });
}

function planEntry({ defs, planning, at }: Places, reader: Step, entry: Entry): PlannedEntry {
  const supply = supplyOf(defs, reader, { entry, selection: planning.selection, policies: planning.policies });
  if (supply.from === 'store') return Object.freeze(supply);
  invariant(entry.from === 'step', 'only outputs of steps are supplied by steps');
  return Object.freeze({ from: 'step', step: at(entry.step), output: entry.output });
}

/** Plan indices of the steps that inputs read, in the order of their entries; a step that is read twice is there twice. */
export function readSteps(inputs: readonly PlannedInput[]): readonly number[] {
  const steps: number[] = [];
  for (const { entries } of inputs) for (const entry of entries) if (entry.from === 'step') steps.push(entry.step);
  return steps;
}

function hashPlan({ mode, selection, policies, steps }: Pick<Plan, 'mode' | 'selection' | 'policies' | 'steps'>): string {
  const rows = steps.map(({ step, needed, inputs, config, predecessors }) => [
    step.definition,
    step.path,
    step.op.name,
    step.op.codeVersion ?? null,
    config?.hash ?? null,
    needed,
    inputs.map(({ name, kind, entries }) => [
      name,
      kind,
      entries.map((entry) => (entry.from === 'step' ? [entry.step, entry.output] : entry.key)),
    ]),
    predecessors,
  ]);
  const { unselectedOutputs, inGraphUpstream, crossGraphUpstream } = policies;
  const text = JSON.stringify([mode, [...selection].sort(), unselectedOutputs, inGraphUpstream, crossGraphUpstream, rows]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
