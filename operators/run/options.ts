import { SelectionError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import type { Store } from '../../lib/events/store.ts';
import { isRecord } from '../../lib/model/options.ts';
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

const RUN_OPTIONS: readonly string[] = [
  'store',
  'sources',
  'signal',
  'concurrency',
  'graceMs',
  'whenBusy',
  'tags',
  'causedBy',
  'ports',
  'clock',
];
const PLAN_OPTIONS: readonly string[] = ['select', 'unselectedOutputs', 'inGraphUpstream', 'crossGraphUpstream'];

/** The names that options may have, by verb: what is not among them would be ignored, and is refused instead. */
const OPTION_NAMES: Readonly<Record<RunVerb, readonly string[]>> = {
  run: RUN_OPTIONS,
  materialize: [...RUN_OPTIONS, ...PLAN_OPTIONS, 'throwOnFailure', 'onEvent'],
};

/** Verbs that take run options. */
export type RunVerb = 'run' | 'materialize';

/** What an option must be: whether a value will do, and what to say if not. Checked only where the option is given. */
interface OptionRule {
  readonly option: keyof RunOptions | 'throwOnFailure';
  readonly accepts: (value: unknown) => boolean;
  readonly cure: string;
}

const STORE_CURE = 'Give what memoryStore() returned, or what openStore() resolved to (await it).';

const RULES: readonly OptionRule[] = [
  { option: 'concurrency', accepts: (value) => Number.isInteger(value) && Number(value) >= 1, cure: 'Give a whole number from 1.' },
  {
    option: 'graceMs',
    accepts: (value) => typeof value === 'number' && value >= 0 && value < 2 ** 31,
    cure: 'Give milliseconds from 0 and below 2^31.',
  },
  { option: 'whenBusy', accepts: (value) => value === 'queue' || value === 'error', cure: 'Give "queue" or "error".' },
  { option: 'signal', accepts: (value) => value instanceof AbortSignal, cure: 'Give an AbortSignal.' },
  { option: 'store', accepts: isStore, cure: STORE_CURE },
  { option: 'causedBy', accepts: (value) => typeof value === 'string', cure: 'Give a string.' },
  { option: 'tags', accepts: isRecordOfStrings, cure: 'Give a record of strings.' },
  { option: 'sources', accepts: isRecord, cure: 'Give a record of source key to value.' },
  { option: 'throwOnFailure', accepts: (value) => typeof value === 'boolean', cure: 'Give true or false.' },
  { option: 'ports', accepts: (value) => hasMethod(value, 'publish'), cure: 'Give what outputPorts() returned.' },
  {
    option: 'clock',
    accepts: (value) => hasMethod(value, 'now') && hasMethod(value, 'timer'),
    cure: 'Give an object with now() and timer(ms, callback).',
  },
];

/**
 * Refuses options that would be ignored or misread.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function checkRunOptions(verb: RunVerb, options: RunOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new SelectionError('INVALID_OPTION', `${verb}(): the options are ${kindOf(options)}. Give an object.`, { details: { verb } });
  }
  const known = OPTION_NAMES[verb];
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new SelectionError('INVALID_OPTION', `${verb}() has no option ${quote(name)}. ${suggest(name, known)}`, {
        details: { verb, option: name },
      });
    }
  }
  for (const { option, accepts, cure } of RULES) {
    const value: unknown = Reflect.get(options, option);
    if (value === undefined || accepts(value)) continue;
    const shown = typeof value === 'string' || typeof value === 'number' ? quote(String(value)) : kindOf(value);
    throw new SelectionError('INVALID_OPTION', `${verb}(): "${option}" is ${shown}. ${cure}`, { details: { verb, option } });
  }
}

/**
 * Refuses what is no plan: definitions, most often.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function checkPlan(verb: 'run' | 'resolve', given: unknown): void {
  if (typeof given === 'object' && given !== null && Reflect.get(given, 'kind') === 'plan') return;
  throw new SelectionError(
    'INVALID_OPTION',
    `${verb}() takes a plan first, and got ${kindOf(given)}. Make one with plan(defs, { select }).`,
    {
      details: { verb },
    },
  );
}

/**
 * Refuses what is no store: a promise of one, most often.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function checkStore(verb: 'resolve', given: unknown): void {
  if (isStore(given)) return;
  throw new SelectionError('INVALID_OPTION', `${verb}() takes a store second, and got ${kindOf(given)}. ${STORE_CURE}`, {
    details: { verb },
  });
}

function hasMethod(value: unknown, method: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function';
}

function isStore(value: unknown): boolean {
  return hasMethod(value, 'turn') && typeof value === 'object' && value !== null && hasMethod(Reflect.get(value, 'port'), 'append');
}

function isRecordOfStrings(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((each) => typeof each === 'string');
}
