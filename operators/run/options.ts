import { SelectionError } from '../../lib/kernel/errors.ts';
import { kindOf, quote, suggest } from '../../lib/kernel/nearest.ts';
import type { Store } from '../../lib/events/store.ts';
import type { Clock } from '../step/clock.ts';
import type { OutputPorts } from '../step/ports.ts';

/** What every verb that runs takes, beside what it selects. */
export interface RunOptions {
  /** Where the run records; without one it uses a memory store of its own. */
  readonly store?: Store;
  /** Values of sources, observed as the run starts (D7). */
  readonly sources?: Readonly<Record<string, unknown>>;
  /** Cancels the run when it is aborted (X12). */
  readonly signal?: AbortSignal;
  /** How many asynchronous steps may run at the same time; 16 by default. */
  readonly concurrency?: number;
  /** How long a cancelled run waits for bodies that have started, in milliseconds; 5,000 by default. */
  readonly graceMs?: number;
  /** What to do while another run has the store: wait for a turn, or fail with STORE_BUSY (R7). */
  readonly whenBusy?: 'queue' | 'error';
  /** Kept with the run; `store.runs()` filters by them. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What made somebody start the run; kept with it. */
  readonly causedBy?: string;
  /** Outputs of steps as Observables: see `outputPorts` in `sluice/operators`. */
  readonly ports?: OutputPorts;
  /** Time, for tests that should take none. */
  readonly clock?: Clock;
}

const RUN_OPTIONS = ['store', 'sources', 'signal', 'concurrency', 'graceMs', 'whenBusy', 'tags', 'causedBy', 'ports', 'clock'] as const;
const PLAN_OPTIONS = ['select', 'unselectedOutputs', 'inGraphUpstream', 'crossGraphUpstream'] as const;

/** The names that options may have, by verb: what is not among them would be ignored, and is refused instead. */
export const OPTION_NAMES = Object.freeze({
  run: RUN_OPTIONS,
  materialize: [...RUN_OPTIONS, ...PLAN_OPTIONS, 'throwOnFailure'],
});

/**
 * Refuses options that would be ignored or misread.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function checkRunOptions(verb: keyof typeof OPTION_NAMES, options: RunOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid(verb, 'the options', kindOf(options), 'Give an object.');
  for (const name of Object.keys(options)) {
    const known: readonly string[] = OPTION_NAMES[verb];
    if (!known.includes(name)) {
      throw new SelectionError('INVALID_OPTION', `${verb}() has no option ${quote(name)}. ${suggest(name, known)}`, { details: { verb, option: name } });
    }
  }
  const { concurrency = 1, graceMs = 0, whenBusy = 'queue', signal, store, tags = {} } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) throw invalid(verb, '"concurrency"', String(concurrency), 'Give a whole number from 1.');
  if (!(graceMs >= 0 && graceMs < 2 ** 31)) throw invalid(verb, '"graceMs"', String(graceMs), 'Give milliseconds from 0 and below 2^31.');
  if (whenBusy !== 'queue' && whenBusy !== 'error') throw invalid(verb, '"whenBusy"', quote(String(whenBusy)), 'Give "queue" or "error".');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid(verb, '"signal"', kindOf(signal), 'Give an AbortSignal.');
  if (store !== undefined && typeof store?.port?.append !== 'function') throw invalid(verb, '"store"', kindOf(store), 'Give what openStore() or memoryStore() returned (awaited).');
  if (Object.values(tags).some((value) => typeof value !== 'string')) throw invalid(verb, '"tags"', 'a record with a value that is no string', 'Give strings.');
}

function invalid(verb: string, what: string, is: string, cure: string): SelectionError {
  return new SelectionError('INVALID_OPTION', `${verb}(): ${what} is ${is}. ${cure}`, { details: { verb } });
}
