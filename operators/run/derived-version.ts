import { createHash } from 'node:crypto';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import type { Readable } from './gather.ts';
import { stepNow } from './reuse.ts';

/**
 * The version of what a step gives, of its code, its config and what it reads, without a look at the value: equal where a trace would hold, and
 * never between two outputs.
 */
export function derivedVersion(plan: Plan, planned: PlannedStep, readable: Readable): (output: string) => string {
  let known: string | undefined;
  return (output) => {
    const { definition, path } = planned.step;
    known ??= JSON.stringify([definition, path, stepNow(plan, planned, readable)]);
    return `derived:${createHash('sha256').update(`${output}\n${known}`).digest('hex')}`;
  };
}
