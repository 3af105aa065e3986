import { SelectionError } from '../../lib/kernel/errors.ts';
import { kindOf } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { isHooks, type Hooks } from '../../lib/model/hooks.ts';
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
  /** How long a run waits for bodies when it is cancelled, and then for resources to be disposed and for hooks; 5,000 ms by default. */
  readonly graceMs?: number;
  /** What to do while another run has the store: wait for a turn, or fail with STORE_BUSY (R7). */
  readonly whenBusy?: 'queue' | 'error';
  /** Kept with the run; `store.runs()` filters by them. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What made somebody start the run; kept with it. */
  readonly causedBy?: string;
  /**
   * How many of the last traces of an output are tried before its step runs; 1 by default. With more, an input that goes back to what it was
   * costs nothing. Each costs one look-up an output.
   */
  readonly traces?: number;
  /** Called for every step and every asset of the run. */
  readonly hooks?: Hooks;
  /** Outputs of steps as Observables: see `outputPorts` in `sluice/operators`. */
  readonly ports?: OutputPorts;
  /** Time, for tests that should take none. */
  readonly clock?: Clock;
}

/** What an option of a run must be. */
export const RUN_RULES: OptionRules<RunOptions> = {
  store: { accepts: isStore, cure: 'Give what memoryStore() returned, or what openStore() resolved to (await it).' },
  sources: { accepts: isRecord, cure: 'Give a record of source key to value.' },
  signal: RULES.signal,
  concurrency: { accepts: (value) => Number.isInteger(value) && Number(value) >= 1, cure: 'Give a whole number from 1.' },
  graceMs: {
    accepts: (value) => typeof value === 'number' && value >= 0 && value < 2 ** 31,
    cure: 'Give milliseconds from 0 and below 2^31.',
  },
  whenBusy: { accepts: (value) => value === 'queue' || value === 'error', cure: 'Give "queue" or "error".' },
  traces: {
    accepts: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1000,
    cure: 'Give a whole number from 1 to 1,000.',
  },
  tags: RULES.strings,
  causedBy: RULES.string,
  hooks: {
    accepts: isHooks,
    cure: 'Give an object of functions: onSuccess, onFailure, onSkip, onMaterialization.',
  },
  ports: { accepts: (value) => hasMethod(value, 'publish'), cure: 'Give what outputPorts() returned.' },
  clock: {
    accepts: (value) => hasMethod(value, 'now') && hasMethod(value, 'timer') && hasMethod(value, 'random'),
    cure: 'Give an object with now(), timer(ms, callback) and random().',
  },
};

/** Which of its arguments each verb takes the store as. */
const PLACE_OF_STORE = { resolve: 'second', status: 'second', stateOf: 'first', lineage: 'first', tail: 'first', outbox: 'first' } as const;

/**
 * Refuses what is no store: a promise of one, most often.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function checkStore(verb: keyof typeof PLACE_OF_STORE, given: unknown): void {
  if (isStore(given)) return;
  throw new SelectionError(
    'INVALID_OPTION',
    `${verb}() takes a store ${PLACE_OF_STORE[verb]}, and got ${kindOf(given)}. ${RUN_RULES.store.cure}`,
    { details: { verb } },
  );
}

function hasMethod(value: unknown, method: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function';
}

function isStore(value: unknown): boolean {
  return hasMethod(value, 'turn') && typeof value === 'object' && value !== null && hasMethod(Reflect.get(value, 'port'), 'append');
}
