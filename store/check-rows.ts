import type { FindingCode, Findings } from './check-findings.ts';
import { openRecord } from './record.ts';
import type { Table, TableName, Tables } from './tables.ts';

/** Tells how far a check is. */
export type TellRows = (table: string, rows: number) => void;

/** What every check works on. All of it is one snapshot: nothing in here waits. */
export interface CheckContext {
  readonly tables: Tables;
  readonly label: string;
  readonly findings: Findings;
  readonly tellRows: TellRows;
  /** Rows found, by table. */
  readonly counts: Map<string, number>;
}

/** A table that is checked, by the name that its checksums cover. */
export interface CheckedTable {
  readonly name: TableName;
  readonly table: Table;
  /** How long each of its keys is; any length where it is undefined. */
  readonly keyBytes: number | undefined;
}

interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

const PAGE = 1000;
const AFTER = Buffer.of(0);

/**
 * Every row of a table, in the order of keys. Rows whose keys cannot be are found and left out; a table whose keys are out of order
 * is left there, since nothing behind that place can be relied on, not even that there is an end.
 */
export function* rowsOf(context: CheckContext, checked: CheckedTable): Generator<Row, void, undefined> {
  const { name, table, keyBytes } = checked;
  const { findings } = context;
  try {
    for (const key of keysOf(context, checked)) {
      const value = table.get(key);
      if (value !== undefined && (keyBytes === undefined || key.length === keyBytes)) yield { key, value };
      else
        findings.add({ code: 'key', table: name, key: hex(key), message: `A row of "${name}" has a key that cannot be one of its keys.` });
    }
  } catch (error) {
    findings.add(pageFinding(name, error));
  }
}

function* keysOf({ findings, counts, tellRows }: CheckContext, { name, table }: CheckedTable): Generator<Buffer, void, undefined> {
  let last: Buffer | undefined;
  let rows = 0;
  for (let page = keysFrom(table, undefined); page.length > 0; page = keysFrom(table, last)) {
    for (const key of page) {
      if (last !== undefined && Buffer.compare(last, key) >= 0)
        return findings.add({ code: 'key', table: name, key: hex(key), message: `The keys of "${name}" are out of order at this row.` });
      last = key;
      rows += 1;
      counts.set(name, rows);
      yield key;
    }
    tellRows(name, rows);
  }
}

/** A page at a time: a read inside of a loop over a cursor would move the cursor. */
function keysFrom(table: Table, last: Buffer | undefined): readonly Buffer[] {
  const range = last === undefined ? { limit: PAGE } : { start: Buffer.concat([last, AFTER]), limit: PAGE };
  return [...table.getKeys(range)];
}

/** One row, or what it means that LMDB cannot give it. */
export function rowAt(context: CheckContext, name: TableName, key: Buffer): Buffer | undefined {
  try {
    return context.tables[name].get(key);
  } catch (error) {
    context.findings.add(pageFinding(name, error));
    return undefined;
  }
}

/** What is in a record, after a finding where it cannot be read. */
export function contentOf(
  context: CheckContext,
  { code, name, key, value, position }: Row & { readonly code: FindingCode; readonly name: TableName; readonly position?: number },
): unknown {
  try {
    return openRecord(value, { table: name, key, label: context.label });
  } catch (error) {
    context.findings.add({ code, table: name, key: hex(key), ...at(position), message: messageOf(error) });
    return undefined;
  }
}

function pageFinding(name: string, error: unknown): Parameters<Findings['add']>[0] {
  return { code: 'page', table: name, key: null, message: `LMDB cannot read the table "${name}" any further: ${messageOf(error)}.` };
}

/** The position as a field of a finding, where there is one. */
export function at(position: number | undefined): { readonly position?: number } {
  return position === undefined ? {} : { position };
}

/** A key as findings write it. */
export function hex(key: Buffer): string {
  return key.toString('hex');
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
