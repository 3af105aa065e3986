import type { PlannedStep } from '../../lib/plan/plan.ts';
import { entryState, type Readable } from './gather.ts';

/** What a failed step tells beside what went wrong: its op and place, its assets in need, and the versions of what it read. */
export function factsOf(planned: PlannedStep, readable: Readable): Readonly<Record<string, unknown>> {
  const { step, needed } = planned;
  return {
    step: step.id,
    definition: step.definition,
    op: step.op.name,
    assets: needed.flatMap((output) => step.outputs[output]?.key ?? []),
    inputs: versionsOf(planned, readable),
  };
}

/** By input: the data version of each entry, or the state of one without a value. What is given by hand has no version. */
function versionsOf({ inputs }: PlannedStep, readable: Readable): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    inputs.map((input) => [
      input.name,
      input.entries.flatMap((entry) => {
        const state = entryState(input, entry, readable);
        if (state.state !== 'value') return [state.state];
        return state.version === 'none:' ? [] : [state.version];
      }),
    ]),
  );
}
