import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';

/** Waits until a file's bytes are on disk. */
export async function syncFile(path: string): Promise<void> {
  // To write, because some systems flush nothing for those who only read.
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits until the names in a folder are on disk. Where folders cannot be opened, the system keeps its own order. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Writes a new file that is on disk when this resolves. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Copies into a new file that is on disk when this resolves, and gives the sha256 of what it was copied from. */
export async function copyDurably(from: string, to: string, signal: AbortSignal | undefined): Promise<string> {
  await copyFile(from, to);
  signal?.throwIfAborted();
  await syncFile(to);
  return sha256OfFile(to, signal);
}

/** The sha256 of a file, in hex. */
export async function sha256OfFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    signal?.throwIfAborted();
    // A stream without an encoding gives bytes.
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
