import { incrementalLaws } from './incremental-laws-table.ts';
import type { CallableLaw, Law } from './law.ts';
import { liveLaws } from './live-laws-table.ts';
import { subsetLaws } from './subset-laws-table.ts';

/** All laws, in their order. */
export const laws: readonly Law[] = [...subsetLaws, ...incrementalLaws, ...liveLaws];

/** The laws that can be called; the others take kills, processes, changing code or a disk, and are tried by this project’s own specs. */
export const callableLaws: readonly CallableLaw[] = laws.flatMap(({ property, ...law }) =>
  property === undefined ? [] : [{ ...law, property }],
);
