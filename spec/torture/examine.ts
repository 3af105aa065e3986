import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from '../../lib/events/data-version.ts';
import { pieceAddresses } from '../../lib/events/keyed-value.ts';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import { addressesOf } from '../../lib/events/retention.ts';
import type { CursorStore, LivePort, RetentionStore, StorePort } from '../../lib/events/store-port.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { openStore } from '../../store/open-store.ts';
import { logLine, sampleKey } from '../kit/sample-events.ts';

/** What is in a store, and in which state it is. */
export interface Reading {
  readonly said: 'read';
  readonly head: number;
  /** A line for each event, equal where the events are. */
  readonly lines: readonly string[];
  /** Addresses in events of which the value cannot be read as it was written, with the reason. */
  readonly missing: Readonly<Record<string, string>>;
  readonly cursors: Readonly<Record<string, number>>;
  readonly offsets: Offsets;
  /** What `verifyStore` would report. */
  readonly findings: readonly string[];
}

/** How far sources were read, of those that were read at all. */
export type Offsets = Readonly<Record<string, string>>;

/** What is asked for by its name. */
export interface Asked {
  readonly cursors?: readonly string[];
  readonly sources?: readonly string[];
}

/** What came of a look at a store: it may have no file at all, or be refused. */
export type Examination =
  Reading | { readonly said: 'absent' } | { readonly said: 'refused'; readonly code: string; readonly message: string };

/** Checks a store, reads all that is in it, and writes to it. */
export async function examine(folder: string, asked: Asked): Promise<Examination> {
  if (!existsSync(join(folder, 'data.mdb'))) return { said: 'absent' };
  try {
    const findings: string[] = [];
    await checkStoreFile(folder, {
      label: folder,
      tellRows: () => undefined,
      tellFinding: ({ code, message }) => void findings.push(`${code}: ${message}`),
    });
    await using store = await openStore(folder);
    const reading = await read(store.port, asked);
    const { first } = await store.port.append({ events: [logLine({ message: 'written after' })], values: [] });
    if (first !== reading.head + 1) findings.push(`what was appended after ${reading.head} got the position ${first}`);
    return { ...reading, findings };
  } catch (error) {
    return { said: 'refused', code: codeOf(error), message: String(error) };
  }
}

/** Reads all that is in a store. */
export async function read(port: StorePort, { cursors = [], sources = [] }: Asked): Promise<Reading> {
  const events = await port.read(1, Infinity);
  const missing = await missingValues(port, events);
  const found: Record<string, number> = {};
  for (const name of cursors) {
    // Every store on disk keeps cursors.
    const position = await (port as StorePort & CursorStore).cursor(name);
    if (position !== undefined) found[name] = position;
  }
  const offsets = await offsetsIn(port, sources);
  return { said: 'read', head: await port.head(), lines: events.map(lineOf), missing, cursors: found, offsets, findings: [] };
}

/** How far these sources were read. */
export async function offsetsIn(port: StorePort, sources: readonly string[]): Promise<Offsets> {
  // Both stores keep offsets.
  const found = await (port as LivePort).offsets(sources.map((source) => sampleKey(source)));
  return Object.fromEntries(sources.flatMap((source, at) => (found[at] === undefined ? [] : [[source, found[at]] as const])));
}

/** Values that events refer to, and their pieces, which cannot be read as they were written, with the reason. */
async function missingValues(port: StorePort, events: readonly LoggedEvent[]): Promise<Readonly<Record<string, string>>> {
  const missing: Record<string, string> = {};
  const seen = new Set<Address>();
  const wanted = events.flatMap((event) => addressesOf(event));
  for (let address = wanted.pop(); address !== undefined; address = wanted.pop()) {
    if (seen.has(address)) continue;
    seen.add(address);
    const [bytes] = await port.values([address]).catch((error: unknown) => [codeOf(error)]);
    if (bytes === undefined) missing[address] = (await isRemoved(port, address)) ? REMOVED : 'not there';
    else if (typeof bytes === 'string') missing[address] = bytes;
    else if (address === `sha256:${hash('sha256', bytes)}`) wanted.push(...pieceAddresses(bytes));
    else missing[address] = 'other bytes';
  }
  return missing;
}

/** Why a value is missing that a prune has removed. */
export const REMOVED = 'removed';

async function isRemoved(port: StorePort, address: string): Promise<boolean> {
  // Both stores forget in this way.
  const [removed] = await (port as StorePort & RetentionStore).removed([address]);
  return removed !== undefined;
}

/** An event as a short line: two that are equal have the same, in whichever order their fields come. */
export function lineOf(event: { readonly position: number }): string {
  return `${event.position} ${hash('sha256', JSON.stringify(event, inOrder)).slice(0, 16)}`;
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The code of an error, or its text. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
