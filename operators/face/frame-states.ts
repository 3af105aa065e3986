import { SelectionError, StepError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import { address } from '../../lib/kernel/value/version.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import type { SettledStep } from '../run/settled-step.ts';
import { checkRoot, encodeState, type CommittedState, type StateScope } from '../step/state.ts';

/** What a step left that keeps state. */
export interface StepState {
  /** The step's path. */
  readonly step: string;
  readonly state: unknown;
}

/** What the steps of a graph remember from one frame to the next. */
export class FrameStates {
  readonly #committed = new Map<string, CommittedState>();
  readonly #onState: ((state: StepState) => void) | undefined;

  /** @throws SelectionError INVALID_OPTION */
  constructor(plan: Plan, given: unknown, onState: ((state: StepState) => void) | undefined) {
    this.#onState = onState;
    if (given === undefined) return;
    if (!isRecord(given)) {
      throw new SelectionError('INVALID_OPTION', `"state" is ${kindOf(given)}. Give a record of step to state.`, {
        details: { option: 'state' },
      });
    }
    const steps = new Map(plan.defs.graph.steps.flatMap((step) => (step.op.state === undefined ? [] : [[step.id, step] as const])));
    for (const [id, state] of Object.entries(given)) {
      const step = steps.get(id);
      if (step === undefined) {
        throw new SelectionError(
          'INVALID_OPTION',
          `"state" names ${quote(id)}, which is no step that keeps state. ${suggest(id, steps.keys())}`,
          {
            details: { option: 'state', step: id },
          },
        );
      }
      this.#committed.set(id, givenState({ op: step.op, step: id }, state));
    }
  }

  /** What a step starts from; `undefined` for the op's initial state. */
  of({ step }: PlannedStep): CommittedState | undefined {
    return this.#committed.get(step.id);
  }

  /** A step has settled: what a successful one left is what the next frame starts from. */
  settle({ planned, state }: SettledStep): void {
    if (state === undefined) return;
    this.#committed.set(planned.step.id, state.after);
    if (this.#onState === undefined) return;
    const value = decodeValue(state.after.bytes);
    fixValue(value);
    this.#onState(Object.freeze({ step: planned.step.id, state: value }));
  }
}

/** A state as it was before: with the checks of one that a step leaves. */
function givenState(scope: Pick<StateScope, 'op' | 'step'>, state: unknown): CommittedState {
  try {
    checkRoot(scope, 'The given state', state);
    const bytes = encodeState(scope, 'The given state', state);
    return { address: address(bytes), bytes };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    throw new SelectionError('INVALID_OPTION', error.message, { details: { option: 'state', ...error.details } });
  }
}
