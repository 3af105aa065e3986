import { DeltaError } from '../../lib/kernel/errors.ts';
import { emptyKeyed, Keyed } from '../../lib/kernel/keyed/keyed.ts';
import type { KeyedBody } from '../../lib/model/keyed-body.ts';
import type { AnyDelta, AnyKeyed, ByName, Program } from '../../lib/delta/program.ts';
import { guard, refused, type BodyCall } from './body-call.ts';
import type { Followed, KeyedMemory } from './keyed-memory.ts';

/** Above this part of the rows, what changed costs more to follow than to compute the whole anew. */
const MOST_FOLLOWED = 0.2;

/**
 * Runs a body that is written as flows: follows what changed since it ran last in this process, where that is known, and computes the whole
 * where it is not. Both give the same rows.
 *
 * @throws StepError OP_THREW around what the user's functions throw, OP_BODY, and whatever the outputs refuse
 */
export function runKeyed(call: BodyCall, { flowsFor }: KeyedBody): void {
  const { context } = call;
  const inputs = rowsOf(call);
  const made = guard(call, () => {
    const written = flowsFor(context.config);
    const outputs = written.outputs.filter((output) => context.selectedOutputs.has(output));
    const { memory } = call;
    return memory === undefined
      ? written.programFor(outputs).full(inputs)
      : follow(call, { memory: memory(outputs), inputs, program: () => written.programFor(outputs) });
  });
  for (const [output, rows] of Object.entries(made)) call.outputs.take(output, rows);
}

/** An optional input without a value has no rows. Behind its schema, an input holds nothing but rows. */
function rowsOf(call: BodyCall): ByName<AnyKeyed> {
  const read = Object.entries<unknown>({ ...call.inputs });
  return Object.fromEntries(
    read.map(([input, value]) => {
      if (value === undefined) return [input, emptyKeyed()];
      if (value instanceof Keyed) return [input, value];
      throw refused(call, `input "${input}" holds no keyed rows`, 'Declare it with keyedInput().');
    }),
  );
}

interface Following {
  readonly memory: KeyedMemory;
  readonly inputs: ByName<AnyKeyed>;
  readonly program: () => Program;
}

function follow(call: BodyCall, { memory, inputs, program }: Following): ByName<AnyKeyed> {
  const before = memory.recall();
  const next = before === undefined ? undefined : stepped(call, before, inputs);
  if (next !== undefined) {
    memory.remember(next);
    return next.outputs;
  }
  const fresh = before?.program ?? program();
  if (!memory.takes(inputs)) return fresh.full(inputs);
  const { state, outputs } = fresh.start(inputs);
  memory.remember({ program: fresh, state, inputs, outputs });
  return outputs;
}

/**
 * What follows from what changed; `undefined` where too much has, or where it cannot be followed: whatever is remembered changes no answer, so
 * what is wrong with it is said and forgotten, and what the user's functions throw they throw again when the whole is computed.
 */
function stepped(
  { context }: BodyCall,
  { program, state, inputs: known, outputs }: Followed,
  inputs: ByName<AnyKeyed>,
): Followed | undefined {
  try {
    const changes = changesOf(known, inputs);
    if (changes === undefined) return undefined;
    const step = program.step(state, changes);
    return {
      program,
      state: step.state,
      inputs,
      outputs: Object.fromEntries(
        Object.entries(step.deltas).map(([output, delta]) => [output, (outputs[output] ?? emptyKeyed()).apply(delta)]),
      ),
    };
  } catch (error) {
    if (error instanceof DeltaError)
      context.log.warn(`Changes could not be followed, so the whole was computed. ${error.message}`, { code: error.code });
    return undefined;
  }
}

function changesOf(before: ByName<AnyKeyed>, inputs: ByName<AnyKeyed>): ByName<AnyDelta> | undefined {
  const changes: Record<string, AnyDelta> = {};
  let [changed, rows] = [0, 0];
  for (const [input, now] of Object.entries(inputs)) {
    const delta = now.diff(before[input] ?? emptyKeyed());
    changes[input] = delta;
    changed += delta.size;
    rows += now.size;
  }
  return changed <= rows * MOST_FOLLOWED ? changes : undefined;
}
