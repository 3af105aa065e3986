import { plan, type Definitions, type Plan } from '../../index.ts';
import type { LawEngine } from './law-engine.ts';
import type { WorldRun } from './world-case.ts';

/** The plan of one run on a world. */
export function planOfRun(
  defs: Definitions,
  { select, unselectedOutputs, inGraphUpstream, crossGraphUpstream }: WorldRun,
  by: LawEngine['plan'] = plan,
): Plan {
  const across = crossGraphUpstream === 'load' ? 'load' : 'auto';
  return by(defs, { select: [...select], unselectedOutputs, inGraphUpstream, crossGraphUpstream: across });
}
