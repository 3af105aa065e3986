import type { DagsterRun } from './ask-dagster.ts';
import type { DrawnCase, DrawnOutput } from './draw-case.ts';

/** A difference that Sluice means (SEMANTICS §9), how it is recognized, and which fields of a run it explains; all where none are named. */
interface Difference {
  readonly name: string;
  readonly fields?: readonly string[];
  readonly isMeant: (compared: Compared) => boolean;
}

/** What Dagster did, and what is not the same in Sluice. */
export interface Compared {
  readonly shape: DrawnCase;
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
function keyOf({ graph }: DrawnCase, { step, out }: DrawnOutput): string | undefined {
  return Object.entries(graph.outputs).find(([, each]) => each.step === step && each.out === out)?.[0];
}

/** Whether some step reads an asset that is not selected, and that the store does not have. */
function readsMissing({ shape, select, stored }: Compared): boolean {
  return shape.graph.steps.some(({ in: wires }) =>
    Object.values(wires).some((wire) => {
      const key = 'step' in wire ? keyOf(shape, wire) : undefined;
      return key !== undefined && !select.includes(key) && !(key in stored);
    }),
  );
}

/** The steps that reach a step. */
function upstreamOf(shape: DrawnCase, name: string): readonly string[] {
  const wires = Object.values(shape.graph.steps.find((step) => step.name === name)?.in ?? {});
  const read = wires.flatMap((wire) => ('map' in wire ? wire.map(({ step }) => step) : 'step' in wire ? [wire.step] : []));
  return read.flatMap((step) => [step, ...upstreamOf(shape, step)]);
}

/** The differences that were drawn so far; any other is a failure. */
const differences: readonly Difference[] = [
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
    isMeant: ({ shape, run }) =>
      hasRun(run) &&
      Object.entries(shape.graph.outputs).some(([key, { step }]) => run.failed[step] !== undefined && key in run.materialized),
  },
  {
    name: 'X2: a step with one input absent and another one failed is skipped',
    fields: ['skipped'],
    isMeant: ({ shape, run }) =>
      hasRun(run) && run.skipped.some((name) => upstreamOf(shape, name).some((step) => run.failed[step] !== undefined)),
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
    name: 'N6: a cut drops assets from a fan-in, or one value goes into every slot',
    isMeant: ({ shape, select }) => {
      const isCut = (key: string | undefined): boolean => key !== undefined && !select.includes(key);
      return shape.graph.steps.some(({ in: wires }) =>
        Object.values(wires).some((wire) => {
          const keys = 'map' in wire ? wire.map((each) => keyOf(shape, each)) : [];
          return keys.some(isCut) || (keys.length > 1 && keys.some((key) => key !== undefined));
        }),
      );
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
