import { invariant } from '../../lib/kernel/invariant.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Plan, PlannedEntry, PlannedInput } from '../../lib/plan/plan.ts';
import type { StepReason } from '../../lib/plan/reason.ts';
import { heldValue, type Readable } from './gather.ts';
import type { WhyRun } from './reuse.ts';

/** Where the value was recorded that an input reads of an entry; `undefined` where it was not. */
export type EntryPosition = (input: PlannedInput, entry: PlannedEntry) => Position | undefined;

/** Where a run recorded what its steps read. */
export function recordedAt({ readable, positionOf }: RunPositions): EntryPosition {
  return (input, entry) => {
    const held = heldValue(input, entry, readable);
    if (held !== undefined) return held.position;
    const slot = entry.from === 'step' ? readable.slots[entry.step]?.get(entry.output) : undefined;
    if (slot?.state === 'kept') return slot.trace.position;
    const position = entry.from === 'step' ? positionOf(entry.step) : readable.supply.get(entry.key)?.position;
    return typeof position === 'number' ? position : undefined;
  };
}

interface RunPositions {
  readonly readable: Readable;
  readonly positionOf: (step: number) => Position | undefined;
}

/** Says why a step ran, in words that outlive the run. `why` is `undefined` for one that would have run in any case. */
export function reasonFor({ steps }: Plan, index: number, { why, positionOf }: Evidence): StepReason {
  if (why === undefined) return { cause: 'asked' };
  const { difference } = why;
  if (difference.cause === 'code' || difference.cause === 'config') {
    const { cause, before, now } = difference;
    return { cause, before, now };
  }
  if (difference.cause !== 'data') return { cause: difference.cause };
  const read = steps[index]?.inputs.flatMap((input) => input.entries.map((entry) => ({ input, entry })))[difference.entry];
  return read === undefined ? { cause: 'wiring' } : dataReason(steps, read.entry, positionOf(read.input, read.entry));
}

function dataReason(steps: Plan['steps'], entry: PlannedEntry, position: Position | undefined): StepReason {
  if (entry.from === 'store') return { cause: 'data', what: entry.key, step: undefined, position };
  const producer = steps[entry.step]?.step;
  invariant(producer !== undefined, 'every entry points at a step of the plan');
  const { id, op, outputs } = producer;
  const { key, name = '' } = outputs[entry.output] ?? {};
  return { cause: 'data', what: key ?? (op.declaresOutputs ? `${id}.${name}` : id), step: id, position };
}

/** What a run knows of why one of its steps ran. */
export interface Evidence {
  readonly why: WhyRun | undefined;
  readonly positionOf: EntryPosition;
}
