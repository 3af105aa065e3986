import { plan, type Definitions } from '../../index.ts';
import { subsetsOf } from './enumerate.ts';

/** Up to here, every subset is tried. */
const ALL_SUBSETS_OF = 7;
/** Beyond that, so many classes of selections at most. */
const MOST = 256;

/**
 * The selections to try, small ones first: every subset of the assets where they are few; else each asset alone, all, all but one, and
 * others by chance, one for each set of outputs that they need. Definitions that cannot be subset are taken whole.
 */
export function selectionsOf(defs: Definitions, random: () => number): readonly (readonly string[])[] {
  const units = defs.definitions.flatMap(({ canSubset, assets }): readonly (readonly string[])[] =>
    canSubset ? [...assets.keys()].map((key) => [key]) : [[...assets.keys()]],
  );
  const bySize = (all: readonly (readonly string[])[]): readonly (readonly string[])[] => all.toSorted((a, b) => a.length - b.length);
  if (units.length <= ALL_SUBSETS_OF) return bySize(subsetsOf(units).map((chosen) => chosen.flat())).filter(({ length }) => length > 0);
  const classes = new Map<string, readonly string[]>();
  for (const select of candidates(units, random)) {
    const needed = needClass(defs, select);
    if (!classes.has(needed)) classes.set(needed, select);
    if (classes.size >= MOST) break;
  }
  return bySize([...classes.values()]);
}

function* candidates(units: readonly (readonly string[])[], random: () => number): Generator<readonly string[]> {
  yield units.flat();
  yield* units;
  for (const unit of units) yield units.filter((each) => each !== unit).flat();
  for (let drawn = 0; drawn < 2 * MOST; drawn += 1) {
    const chance = random();
    const chosen = units.filter(() => random() < chance).flat();
    if (chosen.length > 0) yield chosen;
  }
}

/** Selections that need the same outputs of the same steps ask the same of every body. */
function needClass(defs: Definitions, select: readonly string[]): string {
  const { steps } = plan(defs, { select, inGraphUpstream: 'recompute', crossGraphUpstream: 'auto' });
  return steps.map(({ step, needed }) => `${step.index}:${needed.join()}`).join(' ');
}
