import { RETENTION, type RetentionOptions } from '../events/retention-options.ts';
import type { Store } from '../events/store.ts';
import { DEFAULT_LIMITS, MAX_VALUE_BYTES } from '../events/value-limits.ts';
import { checkVerbOptions, RULES } from '../kernel/verb-options.ts';
import { CODECS, codecsByName, type Codec } from '../model/codec.ts';
import { newMemoryStore } from './new-memory-store.ts';

export { pruneStore } from '../events/prune.ts';
export type { PruneOptions } from '../events/prune.ts';
export type { KeepOptions, RetentionOptions } from '../events/retention-options.ts';
export type { PruneProgress, PruneReport } from '../events/store-port.ts';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** Milliseconds since 1970, for what no run records (`store.put`). The system's clock by default. */
  readonly now?: () => number;
  /** Most bytes that one value may take: 64 MiB by default. Larger ones are refused with VALUE_TOO_LARGE. */
  readonly maxValueBytes?: number;
  /** Decode what `store.value` reads; a run has those of its definitions besides. */
  readonly codecs?: readonly Codec[];
  /**
   * What is kept of old values, in the words of `pruneStore`: by default the last 100 versions of each asset and source, and every value of the
   * last 20 runs. What nothing needs any more is removed now and then, between runs. `false` keeps everything.
   */
  readonly retention?: RetentionOptions | false;
}

/** A store that lives as long as the process keeps it: for tests, and for runs whose results nobody needs later. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkVerbOptions('memoryStore', options, { now: RULES.function, maxValueBytes: MAX_VALUE_BYTES, codecs: CODECS, retention: RETENTION });
  const { maxValueBytes = DEFAULT_LIMITS.maxValueBytes, now = systemTime, codecs = [], retention } = options;
  return newMemoryStore({ limits: { maxValueBytes }, now, codecs: codecsByName(codecs), retention, nextTurn });
}

/** The one clock in lib/, and the one timer: a door, which nothing inside imports, is where the world may come in. */
function systemTime(): number {
  return Date.now();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
