import type { DagsterRun } from './ask-dagster.ts';
import type { DrawnCase, DrawnOutput } from './draw-case.ts';

/** A difference that Sluice means (SEMANTICS §9), and how it is recognized. */
export interface Difference {
  readonly name: string;
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

/** Whether a step failed in Dagster with an error of that class, and what it said has these words. */
function failedWith(run: DagsterRun, error: string, words = ''): boolean {
  return hasRun(run) && Object.values(run.failed).some((each) => each.error === error && each.message.includes(words));
}

/** The key of an output that is an asset. */
function keyOf({ graph }: DrawnCase, { step, out }: DrawnOutput): string | undefined {
  return Object.entries(graph.outputs).find(([, each]) => each.step === step && each.out === out)?.[0];
}

/** The differences that were drawn so far; any other is a failure. */
export const differences: readonly Difference[] = [
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
    isMeant: ({ shape, run, mismatches }) => {
      if (!hasRun(run) || mismatches.some((line) => !line.startsWith('materialized: '))) return false;
      const failing = Object.entries(shape.graph.outputs).filter(([, { step }]) => run.failed[step] !== undefined);
      return failing.some(([key]) => key in run.materialized);
    },
  },
  {
    name: 'N7: a missing stored value fails in the middle of a run, not before it',
    isMeant: ({ run, mismatches }) =>
      mismatches.includes('error: expected nothing got "MISSING_VALUE"') && failedWith(run, 'DagsterExecutionLoadInputError'),
  },
  {
    name: 'N6: an asset that is absent is no absent entry: order alone goes on, and a value is looked for in vain',
    isMeant: ({ shape, select, stored, mismatches }) =>
      mismatches.some((line) => line.startsWith('skipped: ')) &&
      shape.graph.steps.some(({ in: wires }) =>
        Object.values(wires).some((wire) => {
          const key = 'step' in wire ? keyOf(shape, wire) : undefined;
          return key !== undefined && !select.includes(key) && !(key in stored);
        }),
      ),
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
