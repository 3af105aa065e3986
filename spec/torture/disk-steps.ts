import { readdirSync } from 'node:fs';
import { bytesOf, type TracedCall } from './strace.ts';

/** Something that a process did to files under one folder. Paths are those at that moment. */
export type DiskStep =
  | { readonly do: 'make file' | 'make folder' | 'remove'; readonly path: string }
  | { readonly do: 'rename'; readonly path: string; readonly to: string }
  | { readonly do: 'write'; readonly path: string; readonly at: number; readonly bytes: Buffer; readonly isDurable: boolean }
  | { readonly do: 'copy'; readonly path: string; readonly from: string; readonly at: number; readonly size: number }
  | { readonly do: 'resize'; readonly path: string; readonly size: number }
  | { readonly do: 'sync'; readonly path: string }
  /** The process told somebody something: of all that it said before this, it is held to its word. */
  | { readonly do: 'say'; readonly text: string };

/** The calls that {@link diskSteps} has to be given, and that change files. */
export const DISK_CALLS: readonly string[] = (
  'openat creat write pwrite64 writev pwritev pwritev2 lseek ftruncate truncate fallocate fdatasync fsync msync sync_file_range ' +
  'mkdir mkdirat rename renameat renameat2 unlink unlinkat rmdir link linkat symlink symlinkat copy_file_range sendfile ioctl ' +
  'clone clone3 fork vfork'
).split(' ');

/** What is traced: the process, the folder whose files count, and the file into which it says things. */
export interface TracedPlace {
  readonly pid: number;
  readonly folder: string;
  readonly sayings: string;
}

/** Reads what processes did to the files under a folder out of their calls. Throws at a call that it has no step for. */
export function diskSteps(calls: readonly TracedCall[], place: TracedPlace): readonly DiskStep[] {
  const reader = new CallReader(calls, place);
  return calls.filter(({ result }) => result >= 0).flatMap((call) => reader.read(call));
}

/** Threads of a process that runs: {@link diskSteps} is told of those that start later by their calls. */
function threadsOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

class CallReader {
  readonly #place: TracedPlace;
  /** The process of each thread, for files are numbered by process. */
  readonly #processes = new Map<number, number>();
  /** Open files: where the next write goes, and whether it waits for the disk. */
  readonly #open = new Map<string, { at: number; isDurable: boolean }>();
  readonly #made = new Set<string>();

  constructor(calls: readonly TracedCall[], place: TracedPlace) {
    this.#place = place;
    for (const thread of threadsOf(place.pid)) this.#processes.set(thread, place.pid);
    // First of all: a thread may do something before the call returns that started it.
    for (const { thread, name, text, result } of calls) {
      if (!/^(clone3?|v?fork)$/.test(name) || result <= 0) continue;
      this.#processes.set(result, /CLONE_THREAD/.test(text) ? this.#processOf(thread) : result);
    }
  }

  read(call: TracedCall): readonly DiskStep[] {
    const path = pathIn(call.text);
    switch (call.name) {
      case 'openat':
        return this.#opened(call);
      case 'mkdir':
        return this.#inside(namesIn(call.text)[0], (made) => [{ do: 'make folder', path: made }]);
      case 'rename':
        return this.#renamed(call.text);
      case 'unlink':
      case 'rmdir':
        return this.#inside(namesIn(call.text)[0], (gone) => [{ do: 'remove', path: gone }]);
      case 'fsync':
      case 'fdatasync':
        return this.#inside(path, (synced) => [{ do: 'sync', path: synced }]);
      case 'ftruncate':
        return this.#inside(path, (cut) => [{ do: 'resize', path: cut, size: numberAfter(call.text) }]);
      case 'lseek':
        this.#file(call).at = call.result;
        return [];
      case 'write':
      case 'writev':
      case 'pwrite64':
        return this.#written(call, path);
      case 'copy_file_range':
      case 'sendfile':
        return this.#copied(call);
      default:
        return this.#others(call);
    }
  }

  #opened({ thread, text, result, note }: TracedCall): readonly DiskStep[] {
    const path = pathIn(note);
    this.#open.set(`${this.#processOf(thread)}:${result}`, { at: 0, isDurable: /O_D?SYNC/.test(text) });
    return this.#inside(path, (opened) => {
      const isNew = /O_CREAT/.test(text) && !this.#made.has(opened);
      if (isNew) this.#made.add(opened);
      return [
        ...(isNew ? [{ do: 'make file', path: opened } as const] : []),
        ...(/O_TRUNC/.test(text) && !isNew ? [{ do: 'resize', path: opened, size: 0 } as const] : []),
      ];
    });
  }

  #renamed(text: string): readonly DiskStep[] {
    const [path = '', to = ''] = namesIn(text);
    return this.#inside(path, () => {
      for (const made of [...this.#made].filter((each) => each === path || each.startsWith(`${path}/`))) {
        this.#made.delete(made);
        this.#made.add(to + made.slice(path.length));
      }
      return [{ do: 'rename', path, to }];
    });
  }

  #written(call: TracedCall, path: string): readonly DiskStep[] {
    const file = this.#file(call);
    const bytes = Buffer.concat(namesIn(call.text, 'latin1').map((part) => Buffer.from(part, 'latin1'))).subarray(0, call.result);
    const at = call.name === 'pwrite64' ? numberAfter(call.text) : file.at;
    if (call.name !== 'pwrite64') file.at += call.result;
    if (path === this.#place.sayings) return [{ do: 'say', text: bytes.toString() }];
    return this.#inside(path, (written) => [{ do: 'write', path: written, at, bytes, isDurable: file.isDurable }]);
  }

  /** Copies of whole files only, as Node makes them. */
  #copied({ text, name, result }: TracedCall): readonly DiskStep[] {
    const [first = '', second = ''] = pathsIn(text);
    const [from, path] = name === 'sendfile' ? [second, first] : [first, second];
    return this.#inside(path, (written) => {
      const at = Number(/\[(\d+)\]/.exec(text)?.[1] ?? 0);
      return result === 0 ? [] : [{ do: 'copy', path: written, from, at, size: result }];
    });
  }

  /** What touches the files in a way that nobody expected is no reason to go on as if it had not. */
  #others({ name, text }: TracedCall): readonly DiskStep[] {
    const paths = [...pathsIn(text), ...namesIn(text)];
    // LMDB's table of readers gets its name when it is there as a whole; it is left out here.
    const isOfLocks = /^link(at)?$/.test(name) && paths.at(-1)?.endsWith('/lock.mdb') === true;
    const isHarmless = isOfLocks || /^(clone3?|v?fork|ioctl|sync_file_range|msync)$/.test(name);
    if (!isHarmless && paths.some((path) => path.startsWith(this.#place.folder))) throw new Error(`a call that is not known: ${name}`);
    return [];
  }

  #inside(path: string | undefined, steps: (path: string) => readonly DiskStep[]): readonly DiskStep[] {
    const { folder } = this.#place;
    if (path === undefined || !(path === folder || path.startsWith(`${folder}/`)) || path.endsWith('/lock.mdb')) return [];
    return steps(path);
  }

  #file({ thread, text }: TracedCall): { at: number; isDurable: boolean } {
    const name = `${this.#processOf(thread)}:${Number.parseInt(text, 10)}`;
    const file = this.#open.get(name) ?? { at: 0, isDurable: false };
    this.#open.set(name, file);
    return file;
  }

  #processOf(thread: number): number {
    return this.#processes.get(thread) ?? thread;
  }
}

/** The number behind the last comma. */
function numberAfter(text: string): number {
  return Number(text.slice(text.lastIndexOf(',') + 1));
}

/** The path of the open file that is named first. */
function pathIn(text: string): string {
  return pathsIn(text.slice(0, 20_000))[0] ?? '';
}

function pathsIn(text: string): readonly string[] {
  return [...text.slice(0, 40_000).matchAll(/<((?:\\x[0-9a-f]{2})+)>/g)].map(([, hex]) => bytesOf(hex ?? '').toString());
}

/** The strings among the arguments. */
function namesIn(text: string, encoding: BufferEncoding = 'utf8'): readonly string[] {
  const names: string[] = [];
  for (let start = text.indexOf('"'); start >= 0;) {
    const end = text.indexOf('"', start + 1);
    names.push(bytesOf(text.slice(start + 1, end)).toString(encoding));
    start = text.indexOf('"', end + 1);
  }
  return names;
}
