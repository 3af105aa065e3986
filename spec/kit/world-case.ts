import type { DefinableWorld } from './define-world.ts';
import type { Question } from './reference.ts';

/** One run on a world: what is asked, but for what the store holds by then. */
export type WorldRun = Omit<Question, 'stored'>;

/** A world, and runs that follow each other on one store. */
export interface WorldCase {
  readonly world: DefinableWorld;
  readonly runs: readonly WorldRun[];
}
