import { invariant } from '../../lib/kernel/invariant.ts';
import type { Position } from '../../lib/events/position.ts';
import type { Plan, PlannedEntry } from '../../lib/plan/plan.ts';
import type { StepReason } from '../../lib/plan/reason.ts';
import type { WhyRun } from './reuse.ts';

/** Where an entry's value was recorded; `undefined` where it was not. */
export type EntryPosition = (entry: PlannedEntry) => Position | undefined;

/** Says why a step ran, in words that outlive the run. `why` is `undefined` for one that would have run in any case. */
export function reasonFor({ steps }: Plan, index: number, { why, positionOf }: Evidence): StepReason {
  if (why === undefined) return { cause: 'asked' };
  const { difference } = why;
  if (difference.cause === 'code' || difference.cause === 'config') {
    const { cause, before, now } = difference;
    return { cause, before, now };
  }
  if (difference.cause !== 'data') return { cause: difference.cause };
  const entry = steps[index]?.inputs.flatMap(({ entries }) => entries)[difference.entry];
  return entry === undefined ? { cause: 'wiring' } : dataReason(steps, entry, positionOf(entry));
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
