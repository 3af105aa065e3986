import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FeedContext } from 'sluice';
import { pause } from './pause.ts';

/** A line of a file that grows. */
export interface Line<T> {
  readonly value: T;
  /** Where the file goes on behind it, as `GENERATION.INODE.BYTE`: the generation counts how often the file was rotated or truncated. */
  readonly offset: string;
}

/** Which file is read, and how. */
export interface GrowingFileOptions {
  readonly path: string;
  /** How often to look for more, in milliseconds; 100 by default. Not every file system tells of changes, so none is asked to. */
  readonly pollMs?: number;
}

interface Place {
  readonly generation: number;
  readonly inode: number;
  readonly byte: number;
}

const PIECE_BYTES = 64 * 1024;
const LINE_BREAK = 0x0a;

/**
 * The lines of a file of JSON values, one a line, as somebody appends them. A last line without a line break waits for the rest of it. A file that
 * is shorter than what was read of it was truncated, and is read from its start. One that has another file in its place was rotated: the rest of it
 * is read first, under whatever name it has in the folder now.
 */
export async function* growingFile<T>(
  { path, pollMs = 100 }: GrowingFileOptions,
  { offset, signal, clock }: FeedContext,
): AsyncGenerator<Line<T>, void> {
  let place = placeOf(offset);
  while (!signal.aborted) {
    const current = await inodeAt(path);
    const inode = place?.inode ?? current;
    if (inode === undefined) {
      await pause(pollMs, { signal, clock });
      continue;
    }
    const isRotated = current !== undefined && current !== inode;
    place = yield* readOn<T>({ path, place: place ?? { generation: 1, inode, byte: 0 }, isRotated });
    if (isRotated) place = { generation: place.generation + 1, inode: current, byte: 0 };
    else await pause(pollMs, { signal, clock });
  }
}

/** The lines that a file has now behind a place, and the place behind them. A file that was rotated away gets no more: its last line is one. */
async function* readOn<T>({ path, place, isRotated }: { path: string; place: Place; isRotated: boolean }): AsyncGenerator<Line<T>, Place> {
  const file = await openInode(path, place.inode);
  if (file === undefined) {
    // Between two names it is nowhere for a moment; with another one in its place, it will not be found again.
    if (!isRotated) return place;
    throw new Error(
      `${path} is another file than the one that was read up to byte ${place.byte}, and that one is gone: what followed there cannot be read. Keep rotated files in the folder for a while.`,
    );
  }
  try {
    const { size } = await file.stat();
    let at = size < place.byte ? { ...place, generation: place.generation + 1, byte: 0 } : place;
    for await (const { text, end } of linesOf(file, at.byte, isRotated)) {
      at = { ...at, byte: end };
      if (text.trim() !== '') yield { value: parsed<T>(text, path, end), offset: `${at.generation}.${at.inode}.${at.byte}` };
    }
    return at;
  } finally {
    await file.close();
  }
}

async function* linesOf(file: FileHandle, from: number, isWhole: boolean): AsyncGenerator<{ readonly text: string; readonly end: number }> {
  let [rest, restAt] = [Buffer.alloc(0), from];
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, restAt + rest.length);
    if (bytesRead === 0) break;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = rest.indexOf(LINE_BREAK); end >= 0; end = rest.indexOf(LINE_BREAK)) {
      // Whole lines only: a character of several bytes is never cut.
      const text = rest.toString('utf8', 0, end);
      [rest, restAt] = [rest.subarray(end + 1), restAt + end + 1];
      yield { text, end: restAt };
    }
  }
  if (isWhole && rest.length > 0) yield { text: rest.toString('utf8'), end: restAt + rest.length };
}

function parsed<T>(text: string, path: string, end: number): T {
  try {
    // What is in the file is what its writer says it is; a schema on the op that reads it says more.
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new Error(`The line of ${path} that ends at byte ${end} is no JSON. Mend it, and start again.`, { cause });
  }
}

function placeOf(offset: string | undefined): Place | undefined {
  if (offset === undefined) return undefined;
  const [generation = 1, inode = 0, byte = 0] = offset.split('.').map(Number);
  return { generation, inode, byte };
}

async function inodeAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A file by what it is, under its own name or that which a rotation gave it. */
async function openInode(path: string, inode: number): Promise<FileHandle | undefined> {
  const folder = dirname(path);
  for (const candidate of [path, ...(await readdir(folder)).map((name) => join(folder, name))]) {
    if ((await inodeAt(candidate)) !== inode) continue;
    const file = await open(candidate).catch((error: unknown) => (isMissing(error) ? undefined : Promise.reject(error)));
    if (file === undefined) continue;
    // Its name may have become another file's since.
    if ((await file.stat()).ino === inode) return file;
    await file.close();
  }
  return undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
