import { linkSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StoreError } from '../lib/kernel/errors.ts';

/** A folder of a store, and how messages call it. */
export interface DiskPlace {
  readonly path: string;
  readonly label: string;
}

/** Pages of the trees that change with whatever is written. */
const TREE_BYTES = 256 * 1024;
/** A row of a few bytes copies the page that it stands in, and a share of those above. */
const ROW_BYTES = 8 * 1024;
/** Rows are written with what is around them, and what is freed cannot be used before the transaction after the next one. */
const COPIES = 3;
/** For a table of readers, the first tables of a store, and whatever the file system needs for itself. */
const LOCKS_BYTES = 2 ** 20;
/** LMDB's table of readers for 512 of them is somewhat longer. */
const SHORTEST_LOCKS = 512 * 64;
/** With room for as many readers and all that comes before them, on every system; LMDB takes the number of readers from the length. */
const NEW_LOCKS_BYTES = 40 * 1024;
/** No disk is filled by so much in so short a time: where so much was free just now, nobody looks again. */
const PLENTY = { bytes: 2 ** 30, milliseconds: 50 } as const;

/** What is written in one transaction, in rough. */
export interface Volume {
  readonly bytes: number;
  readonly rows: number;
}

/** How much a transaction may take on the disk. */
export function roomFor({ bytes, rows }: Volume): number {
  return TREE_BYTES + COPIES * bytes + ROW_BYTES * rows;
}

/** How many bytes are free on the disk of a path; `Infinity` where the system does not say. */
export function freeBytes(path: string): number {
  try {
    const { bavail, blocks, bsize } = statfsSync(path);
    // File systems that know no limit say that they have no blocks at all.
    return blocks > 0 ? bavail * bsize : Infinity;
  } catch {
    return Infinity;
  }
}

/**
 * Looks whether there is room before LMDB is asked to write. LMDB takes a transaction back that does not fit; but where the write of a page
 * fails, lmdb 3.5.6 writes a message about it into less memory than that takes, which may end the process at any later time.
 */
export class DiskRoom {
  readonly #place: DiskPlace;
  #plentyUntil = 0;

  constructor(place: DiskPlace) {
    this.#place = place;
  }

  /**
   * Refuses what may not fit.
   *
   * @throws StoreError STORE_FULL
   */
  check(volume: Volume): void {
    const needed = roomFor(volume);
    if (needed < PLENTY.bytes && performance.now() < this.#plentyUntil) return;
    const free = freeBytes(this.#place.path);
    if (free < needed) throw noRoom(this.#place, { needed, free });
    this.#plentyUntil = free > 2 * PLENTY.bytes ? performance.now() + PLENTY.milliseconds : 0;
  }
}

/**
 * Makes LMDB's table of readers where there is none. LMDB makes that file without asking for room, and the system ends the process that
 * then writes to its map; and where LMDB cannot make it, lmdb-js 3.5.6 may end the process too.
 *
 * @throws StoreError STORE_FULL; or what the file system says of a disk that is broken
 */
export function prepareLocks(place: DiskPlace): void {
  if (hasLocks(place.path)) return;
  const free = freeBytes(existing(place.path));
  if (free < LOCKS_BYTES) throw noRoom(place, { needed: LOCKS_BYTES, free });
  try {
    makeLocks(join(place.path, 'lock.mdb'));
  } catch (error) {
    // Whatever else it is, LMDB may know better: it reads without this file where nothing may be written.
    if (error instanceof Error && 'code' in error && /^(EIO|ENOSPC|EDQUOT|EFBIG)$/.test(String(error.code))) throw error;
  }
}

/** In one step: what somebody else has made meanwhile is in use, and must not be written to. */
function makeLocks(path: string): void {
  const made = `${path}.${process.pid}`;
  try {
    writeFileSync(made, Buffer.alloc(NEW_LOCKS_BYTES));
    linkSync(made, path);
  } finally {
    rmSync(made, { force: true });
  }
}

/** Only looked at by its name: whoever closes this file lets go of all locks that its process has on it. */
function hasLocks(path: string): boolean {
  const found = statSync(join(path, 'lock.mdb'), { throwIfNoEntry: false });
  // A file of the right length without a block on the disk is as good as none; some systems say nothing of blocks.
  return found !== undefined && found.size >= SHORTEST_LOCKS && found.blocks !== 0;
}

/** Whether a folder cannot be made because there is no room for it, whatever error the system gives. */
export function lacksRoomForFolder(path: string): boolean {
  const above = existing(dirname(resolve(path)));
  try {
    const { files, ffree } = statfsSync(above);
    return freeBytes(above) < FOLDER_BYTES || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}

const FOLDER_BYTES = 64 * 1024;

/** The folder itself, or the nearest one above that is there. */
function existing(path: string): string {
  const above = dirname(path);
  return above === path || statSync(path, { throwIfNoEntry: false }) !== undefined ? path : existing(above);
}

/** The refusal of what does not fit. */
function noRoom({ path, label }: DiskPlace, { needed, free }: { readonly needed: number; readonly free: number }): StoreError {
  return new StoreError(
    'STORE_FULL',
    `The store ${JSON.stringify(label)} has no room left: what was to be written may take ${needed} bytes, and the disk has ${free}. Nothing was written; make room on the disk and try again.`,
    { details: { path: label, folder: path, needed, free } },
  );
}
