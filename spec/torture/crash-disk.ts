import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DiskStep } from './disk-steps.ts';
import { GrowingBytes } from './growing-bytes.ts';
import type { Random } from './random.ts';

type Write = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

interface DiskFile {
  readonly kind: 'file';
  /** What reads give. */
  readonly seen: GrowingBytes;
  /** What is on the disk for sure. */
  readonly durable: GrowingBytes;
  /** What came since, and may be on the disk. */
  pending: Write[];
}

interface DiskFolder {
  readonly kind: 'folder';
  readonly seen: Map<string, DiskNode>;
  readonly durable: Map<string, DiskNode>;
}

type DiskNode = DiskFile | DiskFolder;

/** A change of names: one that happens as a whole or not at all. */
type NameChange = readonly { readonly folder: DiskFolder; readonly name: string; readonly node: DiskNode | undefined }[];

/** How a disk treats what it was not told to keep. */
export interface DiskLaws {
  /** Whether it heeds what it is told to keep. */
  readonly heedsSyncs: boolean;
  /** Whether the name of a new file is kept with its file, as the file systems of Linux do, or only with its folder, as POSIX says. */
  readonly keepsNewNames: boolean;
}

const SECTOR = 512;

/** What was done to a folder, and what a loss of power can leave of it. */
export class CrashDisk {
  readonly #laws: DiskLaws;
  readonly #root: string;
  readonly #top: DiskFolder = newFolder();
  #names: NameChange[] = [];

  constructor(root: string, laws: DiskLaws) {
    this.#root = root;
    this.#laws = laws;
  }

  /** Does a step. What came before a sync of its file is durable then, if the disk heeds it. */
  do(step: DiskStep): void {
    switch (step.do) {
      case 'make file':
        return this.#name([
          { ...this.#place(step.path), node: { kind: 'file', seen: new GrowingBytes(), durable: new GrowingBytes(), pending: [] } },
        ]);
      case 'make folder':
        return this.#name([{ ...this.#place(step.path), node: newFolder() }]);
      case 'remove':
        return this.#name([{ ...this.#place(step.path), node: undefined }]);
      case 'rename': {
        const from = this.#place(step.path);
        return this.#name([
          { ...from, node: undefined },
          { ...this.#place(step.to), node: from.folder.seen.get(from.name) },
        ]);
      }
      case 'write':
        return this.#write(this.#file(step.path), step, step.isDurable);
      case 'copy': {
        const bytes = Buffer.from(this.#file(step.from).seen.bytes.subarray(step.at, step.at + step.size));
        return this.#write(this.#file(step.path), { at: step.at, bytes }, false);
      }
      case 'resize':
        return this.#write(this.#file(step.path), { size: step.size }, false);
      case 'sync':
        return this.#sync(step.path);
      case 'say':
        return;
    }
  }

  /** Begins a write that the power does not let come to its end. */
  begin(step: DiskStep): void {
    if (step.do === 'write') this.do({ ...step, isDurable: false });
  }

  /** Writes down, in a new folder, what may be left of the disk when the power goes now. */
  crash(to: string, random: Random): void {
    const keep = keeping(random);
    const isOrdered = random.oneIn(2);
    // File systems with a journal keep changes of names in their order; others may not.
    const last = random.below(this.#names.length + 1);
    const kept = this.#names.filter((_, index) => (isOrdered ? index < last : random.oneIn(2)));
    const folders = new Map<DiskFolder, Map<string, DiskNode>>();
    const entriesOf = (folder: DiskFolder): Map<string, DiskNode> => {
      const entries = folders.get(folder) ?? new Map(folder.durable);
      folders.set(folder, entries);
      return entries;
    };
    for (const change of kept) applyNames(change, entriesOf);
    const put = (folder: DiskFolder, path: string): void => {
      mkdirSync(path, { recursive: true });
      for (const [name, node] of entriesOf(folder)) {
        if (node.kind === 'folder') put(node, join(path, name));
        else writeFileSync(join(path, name), keep(node));
      }
    };
    put(this.#top, to);
  }

  #name(change: NameChange): void {
    applyNames(change, (folder) => folder.seen);
    // Where nothing is heeded, names are there all the same: that no file is found proves little.
    if (this.#laws.heedsSyncs) this.#names.push(change);
    else applyNames(change, (folder) => folder.durable);
  }

  #write(file: DiskFile, write: Write, isDurable: boolean): void {
    apply(file.seen, write);
    if (isDurable && this.#laws.heedsSyncs) apply(file.durable, write);
    else file.pending.push(write);
  }

  #sync(path: string): void {
    if (!this.#laws.heedsSyncs) return;
    const node = this.#node(path);
    if (node?.kind === 'file') {
      for (const write of node.pending) apply(node.durable, write);
      node.pending = [];
      if (this.#laws.keepsNewNames) this.#keepNamesUpTo(node);
    } else if (node !== undefined) this.#keepNames((change) => change.some(({ folder }) => folder === node));
  }

  /** A journal keeps, with the name of a new file, all that was named before it. */
  #keepNamesUpTo(node: DiskNode): void {
    const last = this.#names.findLastIndex((change) => change.length === 1 && change[0]?.node === node);
    this.#keepNames((_, index) => index <= last);
  }

  #keepNames(isKept: (change: NameChange, index: number) => boolean): void {
    this.#names.filter(isKept).forEach((change) => applyNames(change, (folder) => folder.durable));
    this.#names = this.#names.filter((change, index) => !isKept(change, index));
  }

  #place(path: string): { readonly folder: DiskFolder; readonly name: string } {
    const folder = this.#node(dirname(path));
    if (folder?.kind !== 'folder') throw new Error(`no folder for ${path} was made`);
    return { folder, name: basename(path) };
  }

  #file(path: string): DiskFile {
    const file = this.#node(path);
    if (file?.kind !== 'file') throw new Error(`no file ${path} was made`);
    return file;
  }

  #node(path: string): DiskNode | undefined {
    if (path === this.#root) return this.#top;
    const folder = this.#node(dirname(path));
    return folder?.kind === 'folder' ? folder.seen.get(basename(path)) : undefined;
  }
}

function apply(to: GrowingBytes, write: Write): void {
  if ('size' in write) to.resize(write.size);
  else to.write(write.at, write.bytes);
}

function newFolder(): DiskFolder {
  return { kind: 'folder', seen: new Map(), durable: new Map() };
}

function applyNames(change: NameChange, entriesOf: (folder: DiskFolder) => Map<string, DiskNode>): void {
  for (const { folder, name, node } of change) {
    if (node === undefined) entriesOf(folder).delete(name);
    else entriesOf(folder).set(name, node);
  }
}

/** How writes fare that nobody was promised: all are kept, none, some, or parts of them; or the file has its length, and zeros. */
function keeping(random: Random): (file: DiskFile) => Buffer {
  const fate = random.pick(['none', 'all', 'some', 'torn', 'torn', 'length'] as const);
  return (file) => {
    // A copy: what is kept in this state is not in the next one.
    const left = new GrowingBytes(file.durable.bytes);
    for (const write of file.pending) {
      if (fate === 'all' || (fate === 'some' && random.oneIn(2))) apply(left, write);
      else if (fate === 'length') left.resize(Math.max(left.bytes.length, endOf(write)));
      else if (fate === 'torn') tear(left, write, random);
    }
    return left.bytes;
  };
}

function endOf(write: Write): number {
  return 'size' in write ? write.size : write.at + write.bytes.length;
}

/** Disks write sectors as a whole, in any order. */
function tear(to: GrowingBytes, write: Write, random: Random): void {
  if ('size' in write) {
    if (random.oneIn(2)) to.resize(write.size);
    return;
  }
  const end = endOf(write);
  for (let from = write.at; from < end;) {
    const next = Math.min(end, (Math.floor(from / SECTOR) + 1) * SECTOR);
    if (random.oneIn(2)) to.write(from, write.bytes.subarray(from - write.at, next - write.at));
    from = next;
  }
}
