import { stat } from 'node:fs/promises';
import { RETENTION, retentionRules, type RetentionOptions, type RetentionRules } from '../lib/events/retention-options.ts';
import { createStore, type Store } from '../lib/events/store.ts';
import { DEFAULT_LIMITS, MAX_VALUE_BYTES } from '../lib/events/value-limits.ts';
import { StoreError } from '../lib/kernel/errors.ts';
import { kindOf } from '../lib/kernel/print.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../lib/kernel/verb-options.ts';
import { CODECS, codecsByName, type Codec } from '../lib/model/codec.ts';
import { LmdbPort } from './lmdb-port.ts';
import { makeFolder } from './make-folder.ts';
import { codeOf, isMissingPath, isNoPlaceForFolder } from './missing-path.ts';
import { dataFileIdentity } from './preflight.ts';
import { SharedStore, type OpenMode } from './shared-store.ts';
import { storeFailure } from './store-failure.ts';

/** Options of {@link openStore}. */
export interface OpenStoreOptions {
  /** `write`, the default: one process at a time. `read`: any number, beside the one that writes. */
  readonly mode?: OpenMode;
  /** How long to wait for another process that writes to let go, in milliseconds. Not at all by default. */
  readonly waitMs?: number;
  /** Milliseconds since 1970, for what no run records (`store.put`). The system's clock by default. */
  readonly now?: () => number;
  /** Most bytes that one value may take: 64 MiB by default. Larger ones are refused with VALUE_TOO_LARGE. */
  readonly maxValueBytes?: number;
  /** Decode what `store.value` reads; a run has those of its definitions besides. */
  readonly codecs?: readonly Codec[];
  /**
   * What is kept of old values, in the words of `pruneStore`: by default the last 100 versions of each asset and source, and every value of the
   * last 20 runs. What nothing needs any more is removed now and then, between runs. `false` keeps everything. Where a process has the store
   * open several times to write, what any of these wants kept is kept. Who opens it to read removes nothing.
   */
  readonly retention?: RetentionOptions | false;
}

/**
 * Opens the store in a folder, which is made if it is not there. Opening the same folder again in one process gives a second hold on
 * the same store, with the same queue of runs; the store is closed when all holds are.
 *
 * @throws StoreError STORE_LOCKED while another process writes, STORE_PATH where no store can be, STORE_FORMAT or STORE_CORRUPT for
 * what cannot be read, STORE_FULL or STORE_IO from the disk
 */
export async function openStore(folder: string, options: OpenStoreOptions = {}): Promise<Store> {
  const label = checkFolder(folder);
  const { mode, waitMs, now, maxValueBytes, codecs, retention } = checkOptions(options, label);
  try {
    await (mode === 'write' ? makeStoreFolder(label) : findFolder(label));
    const shared = await SharedStore.open(label, { label, mode, waitMs });
    return createStore(
      new LmdbPort(shared, { label, mode, limits: { maxValueBytes }, retention }),
      { now, codecs: codecsByName(codecs) },
      shared.turns,
    );
  } catch (error) {
    throw storeFailure(error, label);
  }
}

const OPEN_RULES: OptionRules<OpenStoreOptions> = {
  mode: { accepts: (value) => value === 'write' || value === 'read', cure: 'Give "write" or "read".' },
  waitMs: { accepts: (value) => typeof value === 'number' && value >= 0, cure: 'Give a number of milliseconds.' },
  now: RULES.function,
  maxValueBytes: MAX_VALUE_BYTES,
  codecs: CODECS,
  retention: RETENTION,
};

type Checked = Required<Omit<OpenStoreOptions, 'retention'>> & { readonly retention: RetentionRules | false };

function checkOptions(options: OpenStoreOptions, label: string): Checked {
  checkVerbOptions('openStore', options, OPEN_RULES);
  const { mode = 'write', waitMs = 0, now = () => Date.now(), maxValueBytes = DEFAULT_LIMITS.maxValueBytes, codecs = [] } = options;
  const retention = retentionRules('openStore', options.retention ?? {}, (error) => warn(label, error));
  return { mode, waitMs, now, maxValueBytes, codecs, retention };
}

function warn(label: string, error: unknown): void {
  const said = error instanceof Error ? error.message : String(error);
  process.emitWarning(`What nothing needs any more in ${JSON.stringify(label)} could not be removed, and will be later: ${said}`);
}

function checkFolder(folder: unknown): string {
  if (typeof folder !== 'string')
    throw badPath(String(folder), `openStore() takes the path of a folder, not ${kindOf(folder)}. Give a string`);
  if (folder === '' || folder.includes('\0'))
    throw badPath(folder, `openStore() takes the path of a folder, and ${JSON.stringify(folder)} is none. Give one such as ".sluice"`);
  return folder;
}

async function makeStoreFolder(label: string): Promise<void> {
  try {
    // A store that is there was made in a folder whose path was flushed.
    if ((await dataFileIdentity(label)) === undefined) await makeFolder(label, label);
  } catch (error) {
    throw isNoPlaceForFolder(error) ? noFolder(label, error) : error;
  }
}

async function findFolder(label: string): Promise<void> {
  const found = await stat(label).catch((error: unknown) => {
    if (isMissingPath(error)) throw noFolder(label, error);
    throw error;
  });
  if (!found.isDirectory()) throw noFolder(label);
}

function noFolder(label: string, cause?: unknown): StoreError {
  const problem = codeOf(cause) === 'ENOENT' ? 'is not there' : 'is no folder, or cannot be one';
  return badPath(label, `The store ${JSON.stringify(label)} cannot be opened: the path ${problem}. Give the path of a folder`, cause);
}

function badPath(label: string, problem: string, cause?: unknown): StoreError {
  return new StoreError('STORE_PATH', `${problem}.`, { details: { path: label }, cause });
}
