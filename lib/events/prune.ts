import { SelectionError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { checkVerbOptions, RULES, type OptionRule, type OptionRules } from '../kernel/verb-options.ts';
import { isRetentionStore } from './retention.ts';
import type { Store } from './store.ts';
import type { PruneProgress, PruneReport } from './store-port.ts';

/** Options of {@link pruneStore}. */
export interface PruneOptions {
  /** How many versions of each asset and source to keep: 100 by default. Equal values recorded in a row are one. */
  readonly versions?: number;
  /** Of how many of the latest runs to keep every value: 20 by default. */
  readonly runs?: number;
  /**
   * Of how many of the latest runs to keep what bodies logged and how hooks failed, with all that was said since the oldest of them started. Of all
   * by default. Live services are none of them.
   */
  readonly logsOfRuns?: number;
  /** Told now and then how far it is. */
  readonly onProgress?: (progress: PruneProgress) => void;
  /** Stops it when aborted: what was removed stays removed. */
  readonly signal?: AbortSignal;
}

const VERSIONS = 100;
const RUNS = 20;

const COUNT: OptionRule = {
  accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  cure: 'Give a whole number from 0.',
};

const PRUNE_RULES: OptionRules<PruneOptions> = {
  versions: {
    accepts: (value) => COUNT.accepts(value) && value !== 0,
    cure: 'Give a whole number from 1: the latest version is always kept.',
  },
  runs: COUNT,
  logsOfRuns: COUNT,
  onProgress: RULES.function,
  signal: RULES.signal,
};

/**
 * Removes the values that nothing needs: of each asset and source, all but its last versions, where neither a trace nor one of the latest
 * runs refers to them. Every event stays at its position, and so does lineage; only the text of what bodies logged in old runs is removed,
 * where that is asked for. Reading a removed value is VALUE_REMOVED; recording it again brings it back.
 *
 * It works in small steps beside whoever uses the store, and what is recorded meanwhile is kept. The room is used again; the file on disk
 * does not shrink before it is compacted. Calling it again after it was aborted, or its process ended, goes on.
 *
 * Rejects with SelectionError INVALID_OPTION, StoreError STORE_READ_ONLY, STORE_LOCKED, STORE_CORRUPT, STORE_FULL, STORE_IO or STORE_CLOSED,
 * or the signal's reason.
 */
export async function pruneStore(store: Store, options: PruneOptions = {}): Promise<PruneReport> {
  checkVerbOptions('pruneStore', options, PRUNE_RULES);
  const { versions = VERSIONS, runs = RUNS, logsOfRuns, onProgress, signal } = options;
  const port: unknown = isRecord(store) ? store.port : undefined;
  if (typeof port !== 'object' || port === null) throw noStore();
  if (!isRetentionStore(store.port)) throw cannot(store.port.label);
  signal?.throwIfAborted();
  return store.port.prune({ versions, runs, logsOfRuns, onProgress, signal });
}

function noStore(): SelectionError {
  return new SelectionError('INVALID_OPTION', 'pruneStore() takes an open store. Give what openStore() or memoryStore() made.', {
    details: { verb: 'pruneStore' },
  });
}

function cannot(label: string): SelectionError {
  return new SelectionError(
    'INVALID_OPTION',
    `The store ${quote(label)} cannot remove anything: its port has no prune(). Give another store.`,
    {
      details: { verb: 'pruneStore' },
    },
  );
}
