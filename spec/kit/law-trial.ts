import fc from 'fast-check';
import { worldCase, type CaseConstraints, type WorldConstraints } from './arbitraries.ts';
import { LawBench } from './law-bench.ts';
import type { LawEngine } from './law-engine.ts';
import { harmlessBehaviours } from './world-op.ts';
import type { WorldCase, WorldRun } from './world-case.ts';

/** What a law that can be called takes: what to try it on, and how large worlds may become. A law keeps bounds of its own where it needs them. */
export interface LawOptions extends Partial<LawEngine>, Pick<WorldConstraints, 'maxSteps' | 'maxDefinitions' | 'maxNesting' | 'forms'> {}

/** A law as a property of fast-check, over worlds that are made up and runs on them. */
export type LawProperty = fc.IAsyncPropertyWithHooks<[WorldCase]>;

/** How a law is tried: on which worlds and runs, and what has to hold of the first run; it throws where that does not hold. */
export interface LawTrial {
  readonly cases: CaseConstraints;
  readonly check: (shape: WorldCase, run: WorldRun, bench: LawBench) => Promise<void> | void;
}

/** The property of a trial. */
export function propertyOf({ cases, check }: LawTrial): (options?: LawOptions) => LawProperty {
  return ({ maxSteps, maxDefinitions, maxNesting, forms, ...engine } = {}) => {
    const least = (own: number, given: number | undefined): number => Math.min(own, given ?? own);
    const bounds = {
      ...cases,
      ...(maxSteps !== undefined && { maxSteps }),
      maxDefinitions: least(cases.maxDefinitions ?? 1, maxDefinitions),
      maxNesting: least(cases.maxNesting ?? 2, maxNesting),
      ...(forms !== undefined && { forms }),
    };
    return fc.asyncProperty(worldCase(bounds), async (shape) => {
      const [first] = shape.runs;
      const bench = new LawBench(engine);
      try {
        if (first !== undefined) await check(shape, first, bench);
      } finally {
        await bench.close();
      }
    });
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
