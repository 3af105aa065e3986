import type { DagsterRun } from './ask-dagster.ts';
import { evaluate, type World, type WorldEntry, type WorldInput } from '../kit/reference.ts';

/** A difference that Sluice means (SEMANTICS §9), how it is recognized, and which fields of a run it explains; all where none are named. */
interface Difference {
  readonly name: string;
  readonly fields?: readonly string[];
  readonly isMeant: (compared: Compared) => boolean;
}

/** What Dagster did, and what is not the same in Sluice. */
export interface Compared {
  readonly world: World;
  readonly select: readonly string[];
  readonly run: DagsterRun;
  /** What the store held before, by key. */
  readonly stored: Readonly<Record<string, unknown>>;
  /** One line a field: `field: expected … got …`. */
  readonly mismatches: readonly string[];
}

type Ran = Extract<DagsterRun, { readonly success: boolean }>;

const hasRun = (run: DagsterRun): run is Ran => 'success' in run;

/** The key of an output that is an asset. */
function keyOf({ steps }: World, entry: WorldEntry): string | undefined {
  return 'step' in entry ? steps[entry.step]?.outputs[entry.output]?.asset : undefined;
}

/** The outputs in need, by step, where paths end at what is not selected (N3, N5, N6). */
function needOf(world: World, select: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  // Every value is there, so that the question is answered; what is in need does not depend on it.
  const keys = Object.values(world.steps).flatMap(({ outputs }) => Object.values(outputs).flatMap(({ asset }) => asset ?? []));
  const { need } = evaluate(world, {
    select: new Set(select),
    unselectedOutputs: 'discard',
    inGraphUpstream: 'load',
    crossGraphUpstream: 'load',
    stored: new Map(keys.map((key) => [key, 'absent'])),
  });
  return need;
}

/** The inputs of the steps that something selected needs. */
function inputsInNeed({ world, select }: Pick<Compared, 'world' | 'select'>): readonly WorldInput[] {
  return [...needOf(world, select).keys()].flatMap((id) => world.steps[id]?.inputs ?? []);
}

/** Whether an entry is an asset that is not selected, and so is read from the store. */
function isCut(world: World, entry: WorldEntry, select: readonly string[]): boolean {
  const key = keyOf(world, entry);
  return key !== undefined && !select.includes(key);
}

/** Whether some step reads an asset that is not selected, and that the store does not have. */
function readsMissing(compared: Compared): boolean {
  const { world, select, stored } = compared;
  return inputsInNeed(compared).some(({ entries }) =>
    entries.some((entry) => {
      const key = keyOf(world, entry);
      return key !== undefined && !select.includes(key) && !(key in stored);
    }),
  );
}

/** The steps that reach a step. */
function upstreamOf(world: World, id: string): readonly string[] {
  const read = world.steps[id]?.inputs.flatMap(({ entries }) => entries.flatMap((entry) => ('step' in entry ? [entry.step] : []))) ?? [];
  return read.flatMap((step) => [step, ...upstreamOf(world, step)]);
}

/** Whether what Dagster says of a refusal is this, and if so, the names that it says it of. */
function says({ run }: Compared, pattern: RegExp): readonly string[] | undefined {
  return 'refused' in run ? pattern.exec(run.message)?.slice(1) : undefined;
}

/** The name of the difference that {@link withoutDeadSteps} takes away. */
export const DEAD_STEPS = 'D6: selecting all of a definition runs what feeds nothing';

/** What Dagster did without those steps that nothing selected needs; the same object where it ran none. */
export function withoutDeadSteps(run: DagsterRun, world: World, select: readonly string[]): DagsterRun {
  const need = needOf(world, select);
  if (!hasRun(run) || [...run.executed, ...run.skipped, ...Object.keys(run.failed)].every((id) => need.has(id))) return run;
  const failed = Object.fromEntries(Object.entries(run.failed).filter(([id]) => need.has(id)));
  return {
    ...run,
    success: Object.keys(failed).length === 0,
    executed: run.executed.filter((id) => need.has(id)),
    selectedOutputs: Object.fromEntries(Object.entries(run.selectedOutputs).filter(([id]) => need.has(id))),
    failed,
    skipped: run.skipped.filter((id) => need.has(id)),
  };
}

/** How Dagster says that it has cut a nested graph, and not what is wired to it. */
const LOST_PART =
  /Error resolving selection .*(which the node does not contain|contains no input named|does not have (input|output))|KeyError: '(value|list)_\d+'/;

/** The differences that were drawn so far; any other is a failure. */
const differences: readonly Difference[] = [
  {
    name: 'N3: a subset of a nested graph cannot be planned, where what was cut off is still spoken of',
    isMeant: (compared) => says(compared, LOST_PART) !== undefined && Object.keys(compared.world.steps).some((id) => id.includes('.')),
  },
  {
    name: 'N3: a subset of a graph with a list that reads an input of the graph cannot be planned',
    isMeant: (compared) =>
      says(compared, /in the MultiDependencyDefinition is not a MappedInputPlaceholder/) !== undefined &&
      Object.values(compared.world.steps).some(({ inputs }) => inputs.some(({ kind, entries }) => kind === 'list' && entries.length > 0)),
  },
  {
    name: 'N5: a subset that needs one of its upstream assets no more cannot be planned together with that',
    isMeant: (compared) => {
      const { world, select } = compared;
      const [definition, key] = says(compared, /graph "([^"]*)" does not have input "([^"]*)"/) ?? [];
      if (definition === undefined || key === undefined || !select.includes(key)) return false;
      const planned = [...needOf(world, select).keys()].flatMap((id) => world.steps[id] ?? []);
      const reads = planned
        .filter((step) => step.definition === definition)
        .flatMap(({ inputs }) => inputs.flatMap(({ entries }) => entries));
      return !reads.some((entry) => keyOf(world, entry) === key);
    },
  },
  {
    name: 'X6: a required output that is not in need fails the step where it is left out',
    isMeant: ({ run }) =>
      hasRun(run) &&
      Object.entries(run.failed).some(([step, { error, message }]) => {
        const output = /did not return an output for non-optional output "([^"]*)"/.exec(message)?.[1];
        return error === 'DagsterStepOutputNotFoundError' && output !== undefined && run.selectedOutputs[step]?.includes(output) !== true;
      }),
  },
  {
    name: 'X8: what a step emitted before it failed is recorded',
    fields: ['materialized'],
    isMeant: ({ world, run }) =>
      hasRun(run) &&
      Object.keys(run.failed).some((id) =>
        Object.values(world.steps[id]?.outputs ?? {}).some(({ asset }) => asset !== undefined && asset in run.materialized),
      ),
  },
  {
    name: 'X2: a step with one input absent and another one failed is skipped',
    fields: ['skipped'],
    isMeant: ({ world, run }) =>
      hasRun(run) && run.skipped.some((id) => upstreamOf(world, id).some((step) => run.failed[step] !== undefined)),
  },
  {
    name: 'X3: a list is skipped where its outputs are absent, though a stored value stands beside them',
    isMeant: ({ world, select, run }) =>
      hasRun(run) &&
      run.skipped.some((id) =>
        world.steps[id]?.inputs.some(({ kind, entries }) => {
          const loads = entries.filter((entry) => 'source' in entry || isCut(world, entry, select));
          return kind === 'list' && loads.length > 0 && loads.length < entries.length;
        }),
      ),
  },
  {
    name: 'N7: a missing stored value fails in the middle of a run, or not at all, and not before it',
    isMeant: (compared) => compared.mismatches.includes('error: expected nothing got "MISSING_VALUE"') && readsMissing(compared),
  },
  {
    name: 'N6: an asset that is absent is no absent entry: order alone goes on, and a value is looked for in vain',
    isMeant: (compared) => compared.mismatches.some((line) => line.startsWith('skipped: ')) && readsMissing(compared),
  },
  {
    name: 'N6: the value of a source goes into every slot of a fan-in',
    fields: ['materialized'],
    isMeant: (compared) =>
      inputsInNeed(compared).some(
        ({ kind, entries }) => kind === 'list' && entries.length > 1 && entries.some((entry) => 'source' in entry),
      ),
  },
  {
    name: 'N6: a cut drops assets from a fan-in, or one value goes into every slot',
    isMeant: (compared) => {
      const { world, select } = compared;
      return inputsInNeed(compared).some(({ kind, entries }) => {
        const hasAsset = entries.some((each) => keyOf(world, each) !== undefined);
        return kind === 'list' && (entries.some((each) => isCut(world, each, select)) || (entries.length > 1 && hasAsset));
      });
    },
  },
];

/** The names of the differences that explain all that is not the same; `undefined` where something is left that none explains. */
export function meantDifferences(compared: Compared): readonly string[] | undefined {
  const meant = differences.filter(({ isMeant }) => isMeant(compared));
  const explain = (line: string): readonly Difference[] =>
    meant.filter(({ fields }) => fields === undefined || fields.some((field) => line.startsWith(`${field}: `)));
  const explained = compared.mismatches.map(explain);
  return explained.some(({ length }) => length === 0) ? undefined : [...new Set(explained.flat().map(({ name }) => name))];
}
