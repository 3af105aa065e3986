import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { isCount } from '../lib/kernel/count.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { META_BYTES } from './lmdb-header.ts';
import type { LogState } from './log-state.ts';
import { mayHold, type LeaseHolder } from './lease-sign.ts';
import { openRecord } from './record.ts';
import { rankPages, RANK, type RankedPages } from './salvage-order.ts';
import { DamagedFile } from './salvage-pages.ts';
import { salvageRoots, type SalvagedRoots } from './salvage-roots.ts';
import { FoundTables, type FoundMeta, type FoundRow, type FoundRows } from './salvage-rows.ts';
import type { WalkedSnapshot } from './salvage-walk.ts';
import { FORMAT, META, type TableName } from './tables.ts';

/** All that is left of a store. */
export interface Salvage {
  readonly file: DamagedFile;
  readonly found: FoundTables;
  readonly epoch: number;
  readonly head: number;
  /** Whether the store itself says that its log ends there. */
  readonly isHeadKnown: boolean;
  readonly newest: WalkedSnapshot | undefined;
  /** Whether there are pages of a later snapshot, whose header is lost. */
  readonly hasLater: boolean;
}

/** A damaged store, and who is told how far it is. */
export interface SalvageJob {
  /** The data file. */
  readonly path: string;
  readonly label: string;
  readonly tellPages: (pages: number) => void;
}

/**
 * Finds what is left of a store, and hands it on while the file is open.
 *
 * @throws StoreError STORE_FORMAT, STORE_CORRUPT where there is nothing of a store, STORE_LOCKED where somebody writes
 */
export function withSalvage<Result>(job: SalvageJob, use: (salvage: Salvage) => Result): Result {
  const file = openSync(job.path, 'r');
  try {
    const roots = salvageRoots(file);
    const damaged = new DamagedFile(file, roots.pageSize);
    const before = headersOf(damaged);
    const result = use(salvageFile(damaged, roots, job));
    if (!before.equals(headersOf(damaged))) throw locked(job.label, undefined);
    return result;
  } finally {
    closeSync(file);
  }
}

/** What every transaction changes, and how long the file is. */
function headersOf(file: DamagedFile): Buffer {
  const length = Buffer.from(String(file.sizeNow()));
  return Buffer.concat([file.read(0, META_BYTES), file.read(file.pageSize, META_BYTES), length]);
}

function salvageFile(file: DamagedFile, roots: SalvagedRoots, { path, label, tellPages }: SalvageJob): Salvage {
  const ranked = rankPages(file, roots, tellPages);
  const mostEvents = mostEventsIn(file, roots);
  const found = new FoundTables(file, mostEvents);
  for (const [index, page] of ranked.pages.entries()) {
    found.add(page);
    if (index % TELL_EVERY === 0) tellPages(file.pages + index);
  }
  // A file of LMDB that is whole, and has nothing of a store, is somebody else's.
  refuseOther(found, !roots.isLmdb || ranked.newest?.isMainWhole === true, label);
  // Else it may be a lease that was given back: by a transaction whose header is lost.
  if (roots.isCertain) refuseLocked(found.leases.find(isOfNewest(ranked)), file, { path, label });
  const states = found.states.map((row) => ({ ...row, ...stateIn(file, row, label) })).filter((state) => isSane(state, mostEvents));
  return { file, found, newest: ranked.newest, hasLater: ranked.later !== undefined, ...endOf(states, found, { ...ranked, mostEvents }) };
}

const TELL_EVERY = 1000;

/** What an event takes at least: its place in a page, its key, and the shortest record. */
const SHORTEST_EVENT = 32;

/**
 * How many events a log in this file can have had: as many as have room in it, as long as it is or was. Of two headers the one that says less:
 * a file that is whole but for one of them is as long as the other one says.
 */
function mostEventsIn({ size, pageSize }: DamagedFile, { metas }: SalvagedRoots): number {
  const pages = metas.length === 0 ? 0 : Math.min(...metas.map(({ lastPage }) => lastPage + 1));
  return Math.ceil(Math.max(size, pages * pageSize) / SHORTEST_EVENT);
}

/** Its checksum holds; but what nobody can have written is no state to go on from. */
function isSane({ epoch, head }: LogState, mostEvents: number): boolean {
  return isCount(epoch) && epoch <= HIGHEST_EPOCH && isCount(head) && head <= mostEvents;
}

/** Far above what repairs and restorations add, and far below what numbers cannot count any more. */
const HIGHEST_EPOCH = 2 ** 50;

/** What is no store, or one of a later version, which may keep what this one knows nothing of. */
function refuseOther(found: FoundTables, isForeign: boolean, label: string): void {
  const format = Number(/\d+$/.exec(found.formats[0] ?? '')?.[0] ?? 0);
  if (format > FORMAT)
    throw new StoreError(
      'STORE_FORMAT',
      `The store ${JSON.stringify(label)} is in format ${format}; this version of Sluice repairs formats up to ${FORMAT}. Use the version that wrote it.`,
      { details: { path: label, found: format, known: FORMAT } },
    );
  if (!found.isEmpty) return;
  if (isForeign)
    throw new StoreError(
      'STORE_FORMAT',
      `There is no store in ${JSON.stringify(label)}: its file was written by something else. Check the path.`,
      {
        details: { path: label },
      },
    );
  throw new StoreError(
    'STORE_CORRUPT',
    `Nothing of the store ${JSON.stringify(label)} can be saved: no row in its file is one that a store has written. Restore a backup, or run the assets again in a new store.`,
    { details: { path: label } },
  );
}

/** Who has the lease and may be alive may write at any moment. */
function refuseLocked(row: FoundMeta | undefined, file: DamagedFile, { path, label }: Pick<SalvageJob, 'path' | 'label'>): void {
  if (row === undefined) return;
  // The checksum held: this is what takeLease wrote.
  const holder = openRecord(file.read(row.at, row.size), { table: 'meta', key: META.lease, label }) as LeaseHolder;
  if (mayHold(dirname(path), holder)) throw locked(label, holder.pid);
}

function locked(label: string, pid: number | undefined): StoreError {
  const who = pid === undefined ? 'Somebody wrote to' : `Process ${pid} has open, and may write to,`;
  return new StoreError(
    'STORE_LOCKED',
    `${who} the store ${JSON.stringify(label)} while it was being repaired. Nothing was made; close it everywhere, and try again.`,
    { details: { path: label, pid: pid ?? null } },
  );
}

function stateIn(file: DamagedFile, row: FoundRow, label: string): LogState {
  const content = openRecord(file.read(row.at, row.size), { table: 'meta', key: META.state, label });
  // The checksum held: this is what writeState wrote.
  const [epoch, head, nextName] = content as readonly [number, number, number];
  return { epoch, head, nextName };
}

type End = Pick<Salvage, 'epoch' | 'head' | 'isHeadKnown'>;

/** Where the log ends: as the newest snapshot says. Where that is lost, as far as anything speaks of. */
function endOf(states: readonly (FoundMeta & LogState)[], found: FoundTables, ranked: RankedPages & { readonly mostEvents: number }): End {
  const { newest } = ranked;
  const epoch = highest(states.map((state) => state.epoch));
  const state = states.find(isOfNewest(ranked));
  if (state !== undefined) return { epoch, head: state.head, isHeadKnown: true };
  const isEmpty =
    states.length === 0 && found.events.size === 0 && newest?.isMainWhole === true && newest.tables.get('meta')?.isWhole === true;
  const positions = highest([...found.events.keys()]);
  const lastIndexed = newest === undefined || newest.lastIndexed > ranked.mostEvents ? 0 : newest.lastIndexed;
  const head = Math.max(highest(states.map((each) => each.head)), positions, found.lastRun, lastIndexed);
  return { epoch, head, isHeadKnown: isEmpty };
}

/** Whether a row of `meta` is that of the newest snapshot, also of one whose header is lost. */
function isOfNewest({ later }: RankedPages): (row: FoundMeta) => boolean {
  return ({ rank, transaction }) => (later === undefined ? rank <= RANK.cutOff : transaction === later);
}

function highest(numbers: readonly number[]): number {
  return numbers.reduce((high, number) => Math.max(high, number), 0);
}

/** Rows of a table that nothing else can be made from: those of the newest snapshot alone where they are all there. */
export function rowsOfTable({ found, newest, hasLater }: Salvage, name: 'cursors' | 'appends' | 'offsets'): SalvagedTable {
  const rows = found[name];
  if (hasLater || newest === undefined) return { rows, lost: null };
  const table = newest.tables.get(name satisfies TableName);
  const sure: FoundRows = new Map([...rows].filter(([, { rank }]) => rank === RANK.newest));
  // Stores of older formats lack some tables.
  const isWhole = table === undefined ? newest.isMainWhole : table.isWhole && sure.size === table.entries;
  if (isWhole) return { rows: sure, lost: 0 };
  return { rows, lost: table === undefined ? null : Math.max(0, table.entries - rows.size) };
}

/** What is left of a table. */
export interface SalvagedTable {
  readonly rows: FoundRows;
  /** How many rows are lost; `null` where nobody can tell. */
  readonly lost: number | null;
}
