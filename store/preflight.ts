import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { META_AT, META_BYTES, META_IS, NO_PAGE, PAGE_SIZES } from './lmdb-header.ts';
import { StoreError } from '../lib/kernel/errors.ts';

/** What is in a store's folder: the file that LMDB maps. */
const DATA_FILE = 'data.mdb';

/** What says which file is open, whatever its path: two paths with the same are one store. */
export type FileIdentity = string;

/** The identity of a store's data file; `undefined` where there is none, or an empty one: a store that nothing was written to. */
export async function dataFileIdentity(path: string): Promise<FileIdentity | undefined> {
  return withDataFile(path, async (file) => {
    const { dev, ino, size } = await file.stat({ bigint: true });
    return size === 0n ? undefined : `${dev}:${ino}`;
  });
}

/**
 * Looks at a store's data file before LMDB maps it. A file that is too short for its own header kills the process at the first read
 * behind its end, and a header that is none may do so at once; no handler can catch either. This cannot see damage inside.
 *
 * @throws StoreError STORE_FORMAT for what is no LMDB file of this version, STORE_CORRUPT for one that is broken
 */
export async function preflight(path: string): Promise<void> {
  await withDataFile(path, async (file) => {
    const { size } = await file.stat();
    if (size === 0) return;
    const first = await readMeta(file, 0);
    if (first.length < META_BYTES) throw broken(path, 'is shorter than its header');
    if (first.readUInt32LE(META_AT.magic) !== META_IS.magic)
      throw foreign(path, 'was not written by a store, or its start was overwritten');
    if (first.readUInt32LE(META_AT.format) !== META_IS.format) throw foreign(path, 'is in another format of LMDB');
    const pageSize = first.readUInt32LE(META_AT.pageSize);
    if (!PAGE_SIZES.includes(pageSize)) throw broken(path, 'has an impossible page size');
    const second = await readMeta(file, pageSize);
    checkMetas(path, first, second);
    const newest = second.readBigUInt64LE(META_AT.transaction) > first.readBigUInt64LE(META_AT.transaction) ? second : first;
    checkPages(path, newest, { size: (await file.stat()).size, pageSize });
  });
}

async function readMeta(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(META_BYTES), 0, META_BYTES, position);
  return buffer.subarray(0, bytesRead);
}

function checkMetas(path: string, first: Buffer, second: Buffer): void {
  if (second.length < META_BYTES || second.readUInt32LE(META_AT.magic) !== META_IS.magic) throw broken(path, 'has no second header');
  const alike =
    second.readUInt32LE(META_AT.format) === META_IS.format &&
    second.readUInt32LE(META_AT.pageSize) === first.readUInt32LE(META_AT.pageSize);
  const marked = [first, second].every((meta) => (meta.readUInt16LE(META_AT.flags) & META_IS.flag) !== 0);
  if (!alike || !marked) throw broken(path, 'has two headers that contradict each other');
}

/** The store's own writes never leave the file shorter than its last page, although LMDB would be allowed to. */
function checkPages(path: string, meta: Buffer, { size, pageSize }: { readonly size: number; readonly pageSize: number }): void {
  const lastPage = meta.readBigUInt64LE(META_AT.lastPage);
  const roots = [meta.readBigUInt64LE(META_AT.freeRoot), meta.readBigUInt64LE(META_AT.mainRoot)];
  if (roots.some((root) => root !== NO_PAGE && root > lastPage)) throw broken(path, 'has a header that points behind its end');
  if (BigInt(size) < (lastPage + 1n) * BigInt(pageSize))
    throw broken(path, `was cut off: it has ${size} bytes, and should have ${(lastPage + 1n) * BigInt(pageSize)}`);
}

async function withDataFile<Result>(path: string, use: (file: FileHandle) => Promise<Result>): Promise<Result | undefined> {
  let file: FileHandle;
  try {
    file = await open(join(path, DATA_FILE), 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

function broken(path: string, problem: string): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `The file ${JSON.stringify(join(path, DATA_FILE))} ${problem}. Restore a backup, or move the folder away and run the assets again.`,
    { details: { path } },
  );
}

function foreign(path: string, problem: string): StoreError {
  return new StoreError(
    'STORE_FORMAT',
    `The file ${JSON.stringify(join(path, DATA_FILE))} ${problem}. Open the store elsewhere, or use the version of Sluice that wrote it.`,
    { details: { path } },
  );
}
