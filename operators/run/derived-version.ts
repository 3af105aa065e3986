import { createHash } from 'node:crypto';
import { isDerived } from '../../lib/events/data-version.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import type { Readable } from './gather.ts';
import { stepNow, type Reuse } from './reuse.ts';

/** What decides the versions of what a step makes, beside the step. */
export interface DerivedFrom {
  readonly plan: Plan;
  readonly readable: Readable;
  readonly reuse?: Reuse | undefined;
  /** Whether it would be reused, and is executed for a value that the store does not have. */
  readonly isAgain: boolean;
}

/**
 * The version of what a step gives, of its code, its config and what it reads, without a look at the value: never equal between two outputs, and
 * what it was wherever a trace holds, also where something was renamed since.
 */
export function derivedVersion(planned: PlannedStep, { plan, readable, reuse, isAgain }: DerivedFrom): (output: string) => string {
  const { definition, path, outputs } = planned.step;
  const before = isAgain ? readable.slots[planned.index] : undefined;
  let known: string | undefined;
  return (output) => {
    const slot = before?.get(outputs.findIndex(({ name }) => name === output));
    if (slot?.state === 'kept' && slot.kept.state === 'value' && isDerived(slot.kept.version)) return slot.kept.version;
    const then = reuse?.versionThen(planned, output, readable);
    if (then !== undefined) return then;
    known ??= JSON.stringify([definition, path, stepNow(plan, planned, readable)]);
    return `derived:${createHash('sha256').update(`${output}\n${known}`).digest('hex')}`;
  };
}
