import fc from 'fast-check';
import { worldCase, type CaseConstraints, type WorldConstraints } from './arbitraries.ts';
import { LawBench } from './law-bench.ts';
import type { LawEngine } from './law-engine.ts';
import { defineWorld } from './define-world.ts';
import type { WorldHistory } from './history-case.ts';
import type { HistoryTrial } from './history-laws.ts';
import { worldHistory } from './history.ts';
import { playHistory } from './play-history.ts';
import { harmlessBehaviours } from './world-op.ts';
import type { WorldCase, WorldRun } from './world-case.ts';

/** What a law that can be called takes: what to try it on, and how large worlds may become. A law keeps bounds of its own where it needs them. */
export interface LawOptions extends Partial<LawEngine>, Pick<WorldConstraints, 'maxSteps' | 'maxDefinitions' | 'maxNesting' | 'forms'> {}

/** A law as a property of fast-check, over made-up worlds with runs on them, or with what happens to them. */
export type LawProperty = fc.IAsyncPropertyWithHooks<[WorldCase | WorldHistory]>;

/** How a law is tried: on which worlds and runs, and what has to hold of the first run; it throws where that does not hold. */
export interface LawTrial {
  readonly cases: CaseConstraints;
  readonly check: (shape: WorldCase, run: WorldRun, bench: LawBench) => Promise<void> | void;
}

/** The property of a trial. */
export function propertyOf({ cases, check }: LawTrial): (options?: LawOptions) => LawProperty {
  return (options = {}) =>
    fc.asyncProperty(worldCase({ ...cases, ...boundsOf(cases, options) }), async (shape) => {
      const [first] = shape.runs;
      const bench = new LawBench(options);
      try {
        if (first !== undefined) await check(shape, first, bench);
      } finally {
        await bench.close();
      }
    });
}

/** The property of a trial on histories. */
export function historyPropertyOf({ cases, check }: HistoryTrial): (options?: LawOptions) => LawProperty {
  return ({ playHistory: play = playHistory, ...options } = {}) =>
    fc.asyncProperty(worldHistory({ ...cases, ...boundsOf(cases, options) }), async (shape) => {
      const defs = defineWorld(shape.world);
      await check(shape, (history) => play(defs, history));
    });
}

/** Bounds of a law, made narrower by what is asked for. */
function boundsOf(own: WorldConstraints, { maxSteps, maxDefinitions, maxNesting, forms }: LawOptions): WorldConstraints {
  const least = (bound: number, given = bound): number => Math.min(bound, given);
  return {
    maxSteps: maxSteps ?? own.maxSteps ?? 8,
    maxDefinitions: least(own.maxDefinitions ?? 1, maxDefinitions),
    maxNesting: least(own.maxNesting ?? 2, maxNesting),
    ...(forms !== undefined && { forms }),
  };
}

/** One run a case. */
export const once = { maxRuns: 1 } as const;
/** Nothing is loaded but sources. */
export const recompute = { inGraphUpstream: ['recompute'], crossGraphUpstream: ['recompute'] } as const;
/** What is not selected goes nowhere. */
export const discard = { unselectedOutputs: ['discard'] } as const;
/** Nothing fails, and whether an output comes does not depend on what else is selected. */
export const harmless: CaseConstraints = { behaviours: harmlessBehaviours };
/** A first run, of any behaviours, over several definitions. */
export const anyFirst: CaseConstraints = { ...once, maxDefinitions: 3, policies: recompute };

/** A part of a selection that its own print decides, so that cases shrink and repeat. */
export function part(select: ReadonlySet<string>, salt: number): ReadonlySet<string> {
  return new Set([...select].filter((_, i) => ((i * 7 + salt * 13) >> 2) % 2 === 0));
}
