import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { checkAppends } from './check-appends.ts';
import { checkEvents } from './check-events.ts';
import { Findings, type Finding } from './check-findings.ts';
import { checkCursors, checkLeaseRow, checkState } from './check-meta.ts';
import { checkNames } from './check-names.ts';
import { checkOffsets } from './check-offsets.ts';
import { checkPages } from './check-pages.ts';
import { messageOf, type CheckContext, type TellRows } from './check-rows.ts';
import { CheckedValues } from './check-values.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { openLmdb, type LmdbEnvironment } from './lmdb-environment.ts';
import { readHeader, type FileHeader } from './lmdb-header.ts';
import { preflight } from './preflight.ts';
import { laterTable, LATER_TABLES } from './tables.ts';

/** What a check gives beside its findings. */
export interface CheckResult {
  /** How many findings there are, told or not. */
  readonly findings: number;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
  readonly head: number;
  readonly unreferencedValues: number;
}

/** To whom a check tells what it sees. */
export interface CheckListeners {
  readonly label: string;
  readonly tellRows: TellRows;
  readonly tellFinding: (finding: Finding) => void;
}

const NOTHING: Omit<CheckResult, 'findings'> = { tables: {}, head: 0, unreferencedValues: 0 };

/**
 * Checks a store, in a process that may end of it.
 *
 * @throws StoreError for what is no store at all, or may not be read
 */
export async function checkStoreFile(path: string, { label, tellRows, tellFinding }: CheckListeners): Promise<CheckResult> {
  const findings = new Findings(tellFinding);
  const environment = await openForCheck(path, { label, findings });
  if (environment === undefined) return { ...NOTHING, findings: findings.count };
  try {
    // Opening a table ends the snapshot that is being read: all are open before one is pinned.
    for (const name of LATER_TABLES) laterTable(environment.tables, name);
    checkFile(path, { environment, findings, tellRows });
    // LMDB would believe what stands in its pages, and might not come back from it.
    if (findings.count > 0) return { ...NOTHING, findings: findings.count };
    return checkTables({ tables: environment.tables, label, findings, tellRows, counts: new Map() });
  } finally {
    await environment.close();
  }
}

/** What keeps a store from being opened is a finding, if it is the store itself. */
async function openForCheck(
  path: string,
  { label, findings }: { readonly label: string; readonly findings: Findings },
): Promise<LmdbEnvironment | undefined> {
  try {
    await preflight(path);
  } catch (error) {
    return refused(error, { code: 'file', findings });
  }
  try {
    return await openLmdb(path, { writable: false, label });
  } catch (error) {
    return refused(error, { code: 'format', findings });
  }
}

function refused(error: unknown, { code, findings }: { readonly code: 'file' | 'format'; readonly findings: Findings }): undefined {
  if (!(error instanceof StoreError)) {
    if (code === 'file') throw error;
    // The system's own errors have names for codes, those of LMDB numbers.
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') throw error;
    findings.add({ code: 'page', table: null, key: null, message: `LMDB cannot open the data file: ${messageOf(error)}.` });
    return undefined;
  }
  findings.add({ code, table: null, key: null, message: error.message });
  return undefined;
}

interface FileToCheck {
  readonly environment: LmdbEnvironment;
  readonly findings: Findings;
  readonly tellRows: TellRows;
}

function checkFile(path: string, { environment, findings, tellRows }: FileToCheck): void {
  const file = openSync(join(path, 'data.mdb'), 'r');
  try {
    checkPages({ file, header: pin(environment, file), findings, tellPages: tellRows });
  } finally {
    closeSync(file);
  }
}

/**
 * Makes what LMDB reads from here on one snapshot, beside a writer too: a read transaction lasts until the event loop gets a turn, and
 * nothing here waits. Gives the header of that very snapshot, which is the newest one before and after the transaction began.
 */
function pin(environment: LmdbEnvironment, file: number): FileHeader {
  for (;;) {
    const before = readHeader(file);
    environment.refresh();
    environment.tables.meta.get(PROBE);
    const after = readHeader(file);
    if (before.newest.transaction === after.newest.transaction) return after;
  }
}

const PROBE = Buffer.from('any');

function checkTables(context: CheckContext): CheckResult {
  const { tables, findings, counts } = context;
  const state = checkState(context);
  checkLeaseRow(context);
  const names = checkNames(context, state);
  const values = new CheckedValues(context);
  checkEvents(context, { state, names, values });
  const cursors = laterTable(tables, 'cursors');
  if (cursors !== undefined) checkCursors(context, cursors, state?.head);
  const appends = laterTable(tables, 'appends');
  if (appends !== undefined) checkAppends(context, appends, state?.head);
  const offsets = laterTable(tables, 'offsets');
  if (offsets !== undefined) checkOffsets(context, offsets, state?.head);
  return {
    findings: findings.count,
    tables: Object.fromEntries(counts),
    head: state?.head ?? 0,
    unreferencedValues: values.unreferred,
  };
}
