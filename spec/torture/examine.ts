import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CursorStore, RetentionStore, StorePort } from '../../lib/events/store-port.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { openStore } from '../../store/open-store.ts';
import { logLine } from '../kit/sample-events.ts';

/** What is in a store, and in which state it is. */
export interface Reading {
  readonly said: 'read';
  readonly head: number;
  /** A line for each event, equal where the events are. */
  readonly lines: readonly string[];
  /** Addresses in events of which the value cannot be read as it was written, with the reason. */
  readonly missing: Readonly<Record<string, string>>;
  readonly cursors: Readonly<Record<string, number>>;
  /** What `verifyStore` would report. */
  readonly findings: readonly string[];
}

/** What came of a look at a store: it may have no file at all, or be refused. */
export type Examination =
  Reading | { readonly said: 'absent' } | { readonly said: 'refused'; readonly code: string; readonly message: string };

/** Checks a store, reads all that is in it, and writes to it. */
export async function examine(folder: string, cursors: readonly string[]): Promise<Examination> {
  if (!existsSync(join(folder, 'data.mdb'))) return { said: 'absent' };
  try {
    const findings: string[] = [];
    await checkStoreFile(folder, {
      label: folder,
      tellRows: () => undefined,
      tellFinding: ({ code, message }) => void findings.push(`${code}: ${message}`),
    });
    await using store = await openStore(folder);
    const reading = await read(store.port, cursors);
    const { first } = await store.port.append({ events: [logLine({ message: 'written after' })], values: [] });
    if (first !== reading.head + 1) findings.push(`what was appended after ${reading.head} got the position ${first}`);
    return { ...reading, findings };
  } catch (error) {
    return { said: 'refused', code: codeOf(error), message: String(error) };
  }
}

/** Reads all that is in a store. */
export async function read(port: StorePort, cursors: readonly string[]): Promise<Reading> {
  const events = await port.read(1, Infinity);
  const missing: Record<string, string> = {};
  for (const event of events) {
    if (!('address' in event) || event.address === null) continue;
    const { address } = event;
    const [bytes] = await port.values([address]).catch((error: unknown) => [codeOf(error)]);
    if (bytes === undefined) missing[address] = (await isRemoved(port, address)) ? REMOVED : 'not there';
    else if (typeof bytes === 'string') missing[address] = bytes;
    else if (address !== `sha256:${hash('sha256', bytes)}`) missing[address] = 'other bytes';
  }
  const found: Record<string, number> = {};
  for (const name of cursors) {
    // Every store on disk keeps cursors.
    const position = await (port as StorePort & CursorStore).cursor(name);
    if (position !== undefined) found[name] = position;
  }
  return { said: 'read', head: await port.head(), lines: events.map(lineOf), missing, cursors: found, findings: [] };
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
