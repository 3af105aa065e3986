import { invariant } from '../../lib/kernel/invariant.ts';
import type { PlannedStep } from '../../lib/plan/plan.ts';
import { executeStep, type StepEnd } from '../step/execute-step.ts';
import type { Emitted, Unselected } from '../step/outputs.ts';
import type { CommittedState } from '../step/state.ts';
import type { StepLine } from '../step/step-log.ts';
import type { Gathered } from './gather.ts';
import { insideBody } from './inside-body.ts';
import { memoryFor, sharingRows } from './keyed-memories.ts';
import { freezeEmitted, type ValueSlot } from './slot.ts';
import type { StepRun } from './step-run.ts';

/** What only the pump knows of a step that it executes. */
export interface Execution {
  readonly gathered: Gathered;
  /** Whether it would be reused, and is executed for a value that the store no longer has. */
  readonly isAgain: boolean;
  /** Waits between two attempts, and lets others have the step's places meanwhile. */
  readonly pause: (ms: number) => Promise<void>;
  /** The version of what makes the outputs of the step, by their names. */
  readonly derived: (output: string) => string;
  readonly facts: () => Readonly<Record<string, unknown>>;
  readonly onStart: (attempt: number) => void;
  readonly onLine: (attempt: number, line: StepLine) => void;
}

/** Executes a step of a run on the inputs that were gathered for it. A promise only where its body takes time. */
export function executePlanned(run: StepRun, planned: PlannedStep, execution: Execution): StepEnd<ValueSlot> | Promise<StepEnd<ValueSlot>> {
  const committed = planned.step.op.state === undefined ? undefined : run.stateOf?.(planned);
  if (!(committed instanceof Promise)) return execute({ run, planned, committed }, execution);
  return committed.then((read) => execute({ run, planned, committed: read }, execution));
}

interface Planned {
  readonly run: StepRun;
  readonly planned: PlannedStep;
  readonly committed: CommittedState | undefined;
}

function execute(
  { run, planned, committed }: Planned,
  { gathered, isAgain, pause, derived, facts, onStart, onLine }: Execution,
): StepEnd<ValueSlot> | Promise<StepEnd<ValueSlot>> {
  const { plan, port, runId, signal, clock, observer, resources, timeoutMs } = run;
  return executeStep({
    op: planned.step.op,
    step: planned.step.id,
    selectedOutputs: planned.selectedOutputs,
    unselected: unselectedIn(plan, isAgain),
    // What is emitted late goes nowhere anyway, and the run may have ended.
    onDiscard: (output) => (signal.aborted ? undefined : observer.onDiscard(planned, output)),
    fix: (output, emitted) =>
      fixOutput(run, planned, { name: output, emitted: sharingRows(port, planned, { name: output, emitted }), derived }),
    runId,
    ...(timeoutMs !== undefined && { timeoutMs }),
    inputs: gathered.inputs,
    config: () => planned.config?.value,
    committed,
    limits: port?.limits,
    memory: memoryFor(port, planned),
    resources,
    signal,
    clock,
    inBody: (body) => insideBody(port, body),
    pause,
    facts,
    onStart,
    onRetry: (retrying) => observer.onRetry(planned, retrying),
    onLine,
  });
}

/** What was reused was not emitted, so there is nothing to refuse: what a store has lost makes no step fail (F2). */
function unselectedIn({ policies: { unselectedOutputs } }: StepRun['plan'], isAgain: boolean): Unselected {
  return isAgain && unselectedOutputs === 'error' ? 'discard' : unselectedOutputs;
}

function fixOutput(
  { fix, runId }: StepRun,
  { step, selectedOutputs }: PlannedStep,
  { name, emitted, derived }: { readonly name: string; readonly emitted: Emitted } & Pick<Execution, 'derived'>,
): ValueSlot {
  const output = step.outputs.find((each) => each.name === name);
  invariant(output !== undefined, 'only declared outputs pass the gate');
  // Beyond need, only an asset is of interest (X7 `materialize`).
  if (output.key === undefined && !selectedOutputs.has(name)) return freezeEmitted(emitted, output);
  return fix(emitted, { step, output, runId, derived });
}
