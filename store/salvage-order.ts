import type { DamagedFile } from './salvage-pages.ts';
import type { SalvagedRoots } from './salvage-roots.ts';
import { MARK, PageMarks, walkSnapshot, type WalkedSnapshot } from './salvage-walk.ts';

/** How sure it is that the rows of a page are what the store held: the lower the surer. */
export const RANK: Readonly<Record<'newest' | 'cutOff' | 'previous' | 'stray', number>> = {
  /** In a tree of the newest snapshot. */
  newest: 0,
  /** In no tree, and not listed as free: it was under a page that is broken. */
  cutOff: 1,
  /** In a tree of the snapshot before. */
  previous: 2,
  /** A page of an older transaction, or of one that never was committed, or in a place that is not its own. */
  stray: 3,
};

/** A page in which rows are looked for. */
export interface RankedPage {
  readonly page: number;
  readonly rank: number;
  /** The transaction that wrote it, as far as that can be believed. */
  readonly transaction: number;
}

/** Every page that may hold rows, the surest first. */
export interface RankedPages {
  readonly pages: readonly RankedPage[];
  /** The newest snapshot whose header can be read. */
  readonly newest: WalkedSnapshot | undefined;
  /** The transaction of a later one, of which there are pages and no header. */
  readonly later: number | undefined;
}

/** Walks the snapshots, and puts all other pages behind theirs. */
export function rankPages(file: DamagedFile, roots: SalvagedRoots, tell: (page: number) => void): RankedPages {
  const marks = new PageMarks(file.pages);
  const [newestMeta, previousMeta] = roots.metas;
  const newest = newestMeta === undefined ? undefined : walkSnapshot(file, newestMeta, marks);
  const previous = new PageMarks(file.pages);
  if (previousMeta !== undefined) walkSnapshot(file, previousMeta, previous);
  const pages: RankedPage[] = [];
  const ranking = { newest, marks, previous, isCertain: roots.isCertain };
  const next = roots.isCertain ? undefined : (newestMeta?.transaction ?? -1) + 1;
  for (let page = 2; page < file.pages; page += 1) {
    const ranked = rankPage(file, page, ranking);
    if (ranked !== undefined) pages.push(ranked);
    if (page % 1000 === 0) tell(page);
  }
  const later = pages.some(({ rank, transaction }) => rank === RANK.stray && transaction === next) ? next : undefined;
  return { pages: pages.toSorted((a, b) => a.rank - b.rank || b.transaction - a.transaction || a.page - b.page), newest, later };
}

interface Ranking {
  readonly newest: WalkedSnapshot | undefined;
  readonly marks: PageMarks;
  readonly previous: PageMarks;
  readonly isCertain: boolean;
}

function rankPage(file: DamagedFile, page: number, ranking: Ranking): RankedPage | undefined {
  const { newest, marks, previous } = ranking;
  const mark = marks.of(page);
  if (mark === MARK.other) return undefined;
  const { number, transaction } = file.page(page);
  if (mark === MARK.leaf) return { page, rank: RANK.newest, transaction };
  // Else it would be listed as free.
  const wasInUse = newest?.isFreeListWhole === true && mark !== MARK.free && page <= newest.meta.lastPage;
  const isStray = number !== page || transaction > lastOf(ranking);
  if (wasInUse && !isStray) return { page, rank: RANK.cutOff, transaction };
  if (previous.of(page) === MARK.leaf) return { page, rank: RANK.previous, transaction };
  const isNobodys = !wasInUse && number === page;
  return strayPage({ page, rank: RANK.stray, transaction }, ranking, isNobodys);
}

function strayPage(stray: RankedPage, ranking: Ranking, isNobodys: boolean): RankedPage | undefined {
  const last = lastOf(ranking);
  if (stray.transaction <= last) return stray;
  // A snapshot whose header is lost has one number more than the one that is not.
  if (!ranking.isCertain) return stray.transaction === last + 1 ? stray : { ...stray, transaction: 0 };
  // A transaction wrote it that was not committed, unless the header of the page is what is broken.
  return isNobodys ? undefined : { ...stray, transaction: 0 };
}

function lastOf({ newest }: Ranking): number {
  return newest?.meta.transaction ?? Infinity;
}
