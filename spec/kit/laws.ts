import { incrementalLaws } from './incremental-laws-table.ts';
import type { Law } from './law.ts';
import { liveLaws } from './live-laws-table.ts';
import { subsetLaws } from './subset-laws-table.ts';

/** All laws, in their order. */
export const laws: readonly Law[] = [...subsetLaws, ...incrementalLaws, ...liveLaws];
