import type { NewEvent } from '../../lib/events/logged-event.ts';
import type { AssetOutcome } from './outcome.ts';
import { cancelledEvent, type EventScope } from './settled-events.ts';
import type { SettledStep } from './settled-step.ts';
import type { Standing } from './standing.ts';

/** Selected assets that did not come, since their run was over before their steps were. */
export interface MissedAssets {
  readonly events: readonly NewEvent[];
  readonly outcomes: readonly AssetOutcome[];
}

/** Of a run whose steps all came to their end. */
export const NOTHING_MISSED: MissedAssets = Object.freeze({ events: Object.freeze([]), outcomes: Object.freeze([]) });

/** What a run did not finish, by the steps that have settled in it. */
export function missedAssets(
  settled: readonly SettledStep[],
  standing: Standing | undefined,
  scope: Omit<EventScope, 'positionOf'>,
): MissedAssets {
  const done = new Set(settled.filter(({ outcome }) => outcome !== 'cancelled').map(({ planned }) => planned.index));
  const events = scope.plan.steps
    .filter(({ index }) => !done.has(index) && standing?.stands(index) !== true)
    .flatMap((planned) => planned.needed.flatMap((output) => cancelledEvent(planned, output, scope) ?? []));
  return { events, outcomes: events.map(({ key }) => ({ key, outcome: 'cancelled', unexpected: false, slot: undefined })) };
}
