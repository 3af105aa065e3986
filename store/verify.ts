import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../lib/kernel/errors.ts';
import { kindOf } from '../lib/kernel/print.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../lib/kernel/verb-options.ts';
import { CareChild, type CareOptions } from './care-child.ts';
import { CareProcessDied, died } from './care-death.ts';
import type { Finding } from './check-findings.ts';
import { isMissingPath } from './missing-path.ts';
import { storeFailure } from './store-failure.ts';

/** What {@link verifyStore} found. */
export interface VerifyReport {
  /** The store's folder, as it was given. */
  readonly path: string;
  /** Whether everything is as it should be. */
  readonly ok: boolean;
  /** What is wrong, at most 1,000 of it. */
  readonly findings: readonly Finding[];
  /** How many more findings there are. */
  readonly moreFindings: number;
  /** Rows by table; empty where damage kept them from being counted. */
  readonly tables: Readonly<Record<string, number>>;
  /** The position of the last event, as the state says; 0 where it cannot be read. */
  readonly head: number;
  /** Values that no event refers to. No damage: they only take room. */
  readonly unreferencedValues: number;
  readonly durationMs: number;
}

/** Options of {@link verifyStore}. */
export type VerifyOptions = CareOptions;

/** The rules of options that everything here takes. */
export const CARE_RULES: OptionRules<CareOptions> = {
  onProgress: RULES.function,
  signal: RULES.signal,
};

/**
 * Checks everything in a store: the pages of the file, every record, the events from the first to the last, what finds them, and the
 * values. It only reads, one snapshot, beside a writer too; and it does so in a process of its own, because damage can end the
 * process that reads it.
 *
 * @throws StoreError STORE_PATH where there is no store, STORE_IO where it cannot be read; the signal's reason when that aborts
 */
export async function verifyStore(folder: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  checkVerbOptions('verifyStore', options, CARE_RULES);
  const { label, path } = await findStore(folder, 'verifyStore');
  await using child = new CareChild(options);
  return await verifyFolder(label, path, child);
}

/** Verifies the store at a path that was found, in a process that is there. */
export async function verifyFolder(label: string, path: string, child: CareChild): Promise<VerifyReport> {
  const started = performance.now();
  const findings: Finding[] = [];
  const result = await check(label, path, { child, findings });
  return Object.freeze({
    path: label,
    ok: result.findings === 0,
    findings: Object.freeze(findings),
    moreFindings: result.findings - findings.length,
    tables: Object.freeze(result.tables),
    head: result.head,
    unreferencedValues: result.unreferencedValues,
    durationMs: performance.now() - started,
  });
}

async function check(
  label: string,
  path: string,
  { child, findings }: { readonly child: CareChild; readonly findings: Finding[] },
): Promise<Pick<VerifyReport, 'tables' | 'head' | 'unreferencedValues'> & { readonly findings: number }> {
  const add = (finding: Finding): void => void findings.push(Object.freeze(finding));
  try {
    return await child.run({ do: 'check', path, label }, add);
  } catch (error) {
    if (!(error instanceof CareProcessDied)) throw error;
    if (error.why !== 'damage') throw died(label, error);
    add({ code: 'page', table: null, key: null, message: `The process that read the store did not survive it: ${error.message}.` });
    return { findings: findings.length, tables: {}, head: 0, unreferencedValues: 0 };
  }
}

/** A folder that has a store in it. */
export interface FoundStore {
  /** As the user wrote it, for messages. */
  readonly label: string;
  readonly path: string;
}

/**
 * Finds the store in a folder.
 *
 * @throws StoreError STORE_PATH
 */
export async function findStore(folder: unknown, verb: string): Promise<FoundStore> {
  if (typeof folder !== 'string' || folder === '' || folder.includes('\0'))
    throw new StoreError('STORE_PATH', `${verb}() takes the path of a store's folder. Give a string such as ".sluice".`, {
      details: { path: typeof folder === 'string' ? folder : kindOf(folder) },
    });
  const path = await real(folder);
  const found = path === undefined ? undefined : await stat(join(path, 'data.mdb')).catch(() => undefined);
  if (path === undefined || found?.isFile() !== true || found.size === 0)
    throw new StoreError('STORE_PATH', `There is no store in ${JSON.stringify(folder)}. Check the path.`, { details: { path: folder } });
  return { label: folder, path };
}

async function real(folder: string): Promise<string | undefined> {
  try {
    return await realpath(folder);
  } catch (error) {
    if (isMissingPath(error)) return undefined;
    throw storeFailure(error, folder);
  }
}
