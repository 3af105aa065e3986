import { CHECKED_LATER, checkVerbOptions, type OptionRules } from '../kernel/verb-options.ts';

/** What an emission may carry beside its value. */
export interface EmissionOptions {
  /** Recorded with the materialization, where the output is an asset: plain data that a store can keep. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** One value on one output in one execution of a step. Made by {@link emit}. */
export interface Emission<Output extends string = string, T = unknown> extends EmissionOptions {
  readonly output: Output;
  readonly value: T;
}

// Registered, so that an emission made by another copy of Sluice in the same process is still one.
const EMISSION = Symbol.for('sluice.emission');

const EMIT_RULES: OptionRules<EmissionOptions> = { metadata: CHECKED_LATER };

/**
 * Puts `value` on an output; `undefined` is "not emitted" (X11).
 *
 * @throws SelectionError INVALID_OPTION
 */
export function emit<const Output extends string, T>(output: Output, value: T, options?: EmissionOptions): Emission<Output, T> {
  if (options === undefined) return Object.freeze({ output, value, [EMISSION]: true });
  checkVerbOptions('emit', options, EMIT_RULES);
  return Object.freeze({ output, value, [EMISSION]: true, ...(options.metadata !== undefined && { metadata: options.metadata }) });
}

/** Whether a value was made by {@link emit}: what a body yields is checked, since a look-alike is most often a mistake. */
export function isEmission(value: unknown): value is Emission {
  return typeof value === 'object' && value !== null && EMISSION in value;
}
