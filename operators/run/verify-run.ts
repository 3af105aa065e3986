import type { OutputState } from '../../lib/events/data-version.ts';
import type { Verification } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import { readSteps } from '../../lib/plan/plan.ts';
import type { SettledStep } from './settled-step.ts';
import { stateOf } from './slot.ts';
import type { Standing } from './standing.ts';

/** What a run knows of its steps when it has come to its end. */
export interface EndedSteps {
  /** In settle order. A step that was executed for a value that was gone is in it a second time, or it stands. */
  readonly settled: readonly SettledStep[];
  /** How many steps the plan has. */
  readonly count: number;
  /** Up to where nobody else wrote since the run read. */
  readonly position: Position;
}

/** With more steps than this, and than an eighth of all, a verification would be long and save little. */
const FEW = 8;

/** What the next refresh may go by; `undefined` where that is next to nothing. */
export function verificationOf(standing: Standing, { settled, count, position }: EndedSteps): Verification | undefined {
  const { about, looked } = standing;
  if (about === undefined) return undefined;
  const verdicts = verdictsOf(settled);
  // Executed for the sake of its value, with what it read looked up late.
  const open = [...verdicts.keys()].filter((index) => standing.stands(index));
  const isOpen = new Set(open);
  const alone: number[] = [];
  for (const { index, inputs } of looked) {
    const verdict = verdicts.get(index) ?? 'open';
    // All that reads an open step is looked at with it, and need not be named.
    const readsOpen = readSteps(inputs).some((step) => isOpen.has(step));
    if (readsOpen || verdict === 'open') isOpen.add(index);
    if (!readsOpen && verdict === 'open') open.push(index);
    if (!readsOpen && verdict === 'alone') alone.push(index);
  }
  if (open.length + alone.length > Math.max(FEW, count / 8)) return undefined;
  return { plan: about.plan, position, open: open.toSorted((a, b) => a - b), alone, versions: about.versions };
}

/** How a step is named: not at all where its traces say all of it. */
type Verdict = 'verified' | 'alone' | 'open';

function verdictsOf(settled: readonly SettledStep[]): ReadonlyMap<number, Verdict> {
  const verdicts = new Map<number, Verdict>();
  for (const each of settled) {
    const { index } = each.planned;
    // What it gave at first was read by some, and what it gave then by others.
    verdicts.set(index, verdicts.has(index) ? 'open' : verdictOf(each));
  }
  return verdicts;
}

function verdictOf({ planned: { step, needed, inputs }, outcome, slots }: SettledStep): Verdict {
  // What it holds is no part of what it is wired to: an older run may have given it.
  if (inputs.some(({ hold }) => hold)) return 'open';
  // Skipped steps write an event in every run. Whether outputs that are made together can still be had is asked in every run.
  if (outcome === 'skipped') return 'alone';
  if ((outcome !== 'reused' && outcome !== 'succeeded') || step.op.outputsTogether) return 'open';
  const states = needed.map((output) => slots.get(output)).map((slot) => (slot === undefined ? undefined : stateOf(slot)));
  if (states.every(isComparable)) return 'verified';
  return states.every((state) => state?.state === 'absent' || isComparable(state)) ? 'alone' : 'open';
}

/** Readers of what was never kept run in every run (R6). */
function isComparable(state: OutputState | undefined): boolean {
  return state?.state === 'value' && !state.version.startsWith('run:');
}
