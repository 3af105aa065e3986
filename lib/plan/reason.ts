import type { Position } from '../events/position.ts';

/** Why a step ran in a run that might have reused it, with the evidence. */
export type StepReason =
  | { readonly cause: 'asked' | 'never' | 'op' | 'wiring' }
  | { readonly cause: 'code' | 'config'; readonly before: string | null; readonly now: string | null }
  | {
      readonly cause: 'data';
      /** What came out otherwise than before: the key of an asset or a source, or `step.output`. */
      readonly what: string;
      /** The step that gave it; `undefined` for a source. */
      readonly step: string | undefined;
      /** The event that tells so; `undefined` where it was not recorded any more. */
      readonly position: Position | undefined;
    };
