import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import type { Store } from '../../lib/events/store.ts';
import type { Finding } from '../../store/check-findings.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { LmdbPort } from '../../store/lmdb-port.ts';
import { openStore } from '../../store/open-store.ts';
import { repairFile } from '../../store/repair-file.ts';
import type { RepairedParts } from '../../store/repair-report.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { batchOf, materialized, sampleKey, sampleValue } from '../kit/sample-events.ts';
import { batchOfRun, type SampleRun } from './damage-samples.ts';
import { newFolder } from './folder.ts';

/** How long a page is, on the hosts that these tests run on. */
export const PAGE = 4096;

/** Sources of which it is kept how far they were read: one in the runs with even numbers, one in those with odd ones. */
export const READ: readonly [AssetKey, AssetKey] = [sampleKey('read/even'), sampleKey('read/odd')];

/** All that is in a store, as its readers get it. */
export interface Contents {
  readonly head: number;
  readonly events: readonly LoggedEvent[];
  /** Bytes in hex by address, or the code of the error that reading them gives; of those that events refer to. */
  readonly values: ReadonlyMap<string, string>;
  readonly cursor: number | undefined;
  /** How far the two sources were read of which it is kept. */
  readonly offsets: readonly (string | undefined)[];
}

/** A store with everything that a store can hold: values of all kinds, ids of batches, offsets, and a cursor. */
export async function makeRichStore(folder: string, runs: readonly SampleRun[], { prunes }: { readonly prunes: boolean }): Promise<void> {
  const store = await openStore(folder);
  const port = portOf(store);
  let base: string | undefined;
  for (const [index, run] of runs.entries()) {
    const { last } = await port.append({ ...batchOfRun(run, index), id: `batch ${index}` });
    const table = sampleValue(Array.from({ length: 300 }, (_, row) => ({ row, text: `${row}`.repeat(4), new: row === index })));
    await port.append({
      ...batchOf(materialized('table', { address: table.address, version: table.address })),
      values: [{ ...table, ...(base === undefined ? {} : { base }) }],
      offsets: [{ key: READ[index % 2 === 0 ? 0 : 1], offset: `${index}` }],
    });
    base = table.address;
    await port.setCursor('reader', last);
  }
  const large = sampleValue('L'.repeat(300_000));
  await port.append({ ...batchOf(materialized('large', { address: large.address, version: large.address })), values: [large] });
  if (prunes && isRetentionStore(port)) await port.prune({ versions: 1, runs: 2, logsOfRuns: 2, onProgress: undefined, signal: undefined });
  await store.close();
}

function portOf(store: Store): LmdbPort {
  if (store.port instanceof LmdbPort) return store.port;
  throw new Error('a store on disk has another port');
}

/** Reads all of a store. */
export async function contentsOf(folder: string): Promise<Contents> {
  const store = await openStore(folder, { mode: 'read' });
  const port = portOf(store);
  const events = await port.read(1, Infinity);
  const values = new Map<string, string>();
  for (const address of new Set(events.flatMap(addressesIn))) values.set(address, await valueAt(port, address));
  const contents = { head: await port.head(), events, values, cursor: await port.cursor('reader'), offsets: await port.offsets(READ) };
  await store.close();
  return contents;
}

async function valueAt(port: LmdbPort, address: string): Promise<string> {
  try {
    const [bytes] = await port.values([address]);
    return bytes === undefined ? 'removed' : Buffer.from(bytes).toString('hex');
  } catch (error) {
    return String(error instanceof Error && 'code' in error ? error.code : error);
  }
}

/** The addresses in an event. */
export function addressesIn(event: LoggedEvent): readonly string[] {
  return 'address' in event && event.address !== null ? [event.address] : [];
}

/** A store as bytes, and what is in it. */
export interface Whole {
  readonly bytes: Buffer;
  readonly contents: Contents;
}

/** Makes a store, and gives its bytes. */
export async function makeWhole(runs: readonly SampleRun[], options: { readonly prunes: boolean }): Promise<Whole> {
  const folder = await newFolder();
  await makeRichStore(folder, runs, options);
  return { bytes: await readFile(join(folder, 'data.mdb')), contents: await contentsOf(folder) };
}

/** Something that happens to a file. */
export type Damage =
  | { readonly what: 'flip'; readonly at: number; readonly bit: number }
  | { readonly what: 'header'; readonly page: number; readonly at: number; readonly byte: number }
  | { readonly what: 'zero'; readonly page: number; readonly count: number }
  | { readonly what: 'swap' | 'repeat'; readonly page: number; readonly other: number }
  | { readonly what: 'cut'; readonly to: number };

const part = fc.nat({ max: 999_999 }).map((number) => number / 1_000_000);
/** Pages at the start are roots more often than others, and the two headers. */
const anyPage = fc.oneof(
  part.map((at) => (size: number) => Math.floor((at * size) / PAGE)),
  fc.nat(1).map((page) => () => page),
);

const anyOneDamage: fc.Arbitrary<(size: number) => Damage> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(part, fc.nat(7)).map(([at, bit]) => (size: number): Damage => ({ what: 'flip', at: Math.floor(at * size), bit })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(anyPage, fc.nat(159), fc.nat(255))
      .map(([page, at, byte]) => (size: number): Damage => ({ what: 'header', page: page(size), at, byte })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(anyPage, fc.integer({ min: 1, max: 4 }))
      .map(([page, count]) => (size: number): Damage => ({ what: 'zero', page: page(size), count })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('swap' as const, 'repeat' as const), anyPage, anyPage)
      .map(([what, page, other]) => (size: number): Damage => ({ what, page: page(size), other: other(size) })),
  },
  {
    weight: 1,
    arbitrary: part.map((to) => (size: number): Damage => ({ what: 'cut', to: PAGE * 2 + Math.floor(to * (size - PAGE * 2)) })),
  },
);

/** Damages of a file of some size. */
export const anyDamage: fc.Arbitrary<(size: number) => readonly Damage[]> = fc
  .array(anyOneDamage, { minLength: 1, maxLength: 4 })
  .map((makers) => (size: number) => makers.map((make) => make(size)));

/** The bytes after damages, and the pages that are not as they were. */
export function damaged(whole: Buffer, damages: readonly Damage[]): { readonly bytes: Buffer; readonly hit: ReadonlySet<number> } {
  let bytes: Buffer = Buffer.from(whole);
  for (const damage of damages) bytes = damageOnce(bytes, damage);
  const pages = Array.from({ length: Math.ceil(whole.length / PAGE) }, (_, page) => page);
  const isHit = (page: number): boolean => !pageOf(whole, page).equals(pageOf(bytes, page));
  return { bytes, hit: new Set(pages.filter(isHit)) };
}

function damageOnce(bytes: Buffer, damage: Damage): Buffer {
  if (damage.what === 'cut') return bytes.subarray(0, damage.to);
  if (damage.what === 'flip') {
    if (damage.at < bytes.length) bytes[damage.at] = (bytes[damage.at] ?? 0) ^ (1 << damage.bit);
    return bytes;
  }
  const page = pageOf(bytes, damage.page);
  if (damage.what === 'header') page.subarray(damage.at, damage.at + 1).fill(damage.byte);
  else if (damage.what === 'zero') bytes.fill(0, damage.page * PAGE, Math.min(bytes.length, (damage.page + damage.count) * PAGE));
  else {
    const kept = Buffer.from(page);
    pageOf(bytes, damage.other).copy(page);
    if (damage.what === 'swap') kept.copy(pageOf(bytes, damage.other));
  }
  return bytes;
}

function pageOf(bytes: Buffer, page: number): Buffer {
  return bytes.subarray(page * PAGE, (page + 1) * PAGE);
}

/** What a repair gave, what a check finds in it, and what is in it. */
export interface Repaired {
  readonly parts: RepairedParts;
  readonly findings: readonly Finding[];
  readonly contents: Contents;
  readonly folder: string;
}

/** Puts bytes where a store could be. */
export async function folderOf(bytes: Buffer): Promise<string> {
  const folder = await newFolder();
  await writeFile(join(folder, 'data.mdb'), bytes);
  return folder;
}

/** Repairs in this process, which is as good as another one: nothing of the damaged file goes through LMDB. */
export async function repairHere(path: string): Promise<Repaired> {
  const folder = join(await newFolder(), 'repaired');
  await mkdir(folder);
  const parts = await repairFile(
    { path, label: 'damaged', target: folder, targetLabel: 'repaired', raiseEpochBy: 2 ** 32 },
    () => undefined,
  );
  const findings: Finding[] = [];
  await checkStoreFile(folder, { label: 'repaired', tellRows: () => undefined, tellFinding: (finding) => void findings.push(finding) });
  return { parts, findings, contents: await contentsOf(folder), folder };
}

/** Whether a set of positions has one. */
export function has({ ranges }: RepairedParts['events']['lost'], position: number): boolean {
  return ranges.some(([first, last]) => position >= first && position <= last);
}
