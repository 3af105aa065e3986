import { CHECKED_LATER, checkVerbOptions, type OptionRules } from '../kernel/verb-options.ts';

/** What an emission may carry beside its value. */
export interface EmissionOptions {
  /** Recorded with the materialization, where the output is an asset: plain data that a store can keep. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /**
   * The value's data version, where you know it better than its bytes do: an etag, a commit. Equal versions on one output mean an equal
   * value; recorded as `user:…`. Without one, it is the hash of the value.
   */
  readonly version?: string;
}

/** One value on one output in one execution of a step. Made by {@link emit}. */
export interface Emission<Output extends string = string, T = unknown> extends EmissionOptions {
  readonly output: Output;
  readonly value: T;
}

// Registered, so that an emission made by another copy of Sluice in the same process is still one.
const EMISSION = Symbol.for('sluice.emission');

const LONGEST_VERSION = 1000;

/** What an emission's options must be. Metadata is checked where it is recorded. */
export const EMISSION_RULES: OptionRules<EmissionOptions> = {
  metadata: CHECKED_LATER,
  version: {
    accepts: (value) => typeof value === 'string' && value.length > 0 && value.length <= LONGEST_VERSION,
    cure: `Give a string of 1 to ${LONGEST_VERSION} characters.`,
  },
};

/**
 * Puts `value` on an output; `undefined` is "not emitted" (X11).
 *
 * @throws SelectionError INVALID_OPTION
 */
export function emit<const Output extends string, T>(output: Output, value: T, options?: EmissionOptions): Emission<Output, T> {
  if (options === undefined) return Object.freeze({ output, value, [EMISSION]: true });
  checkVerbOptions('emit', options, EMISSION_RULES);
  const { metadata, version } = options;
  return Object.freeze({
    output,
    value,
    [EMISSION]: true,
    ...(metadata !== undefined && { metadata }),
    ...(version !== undefined && { version }),
  });
}

/** Whether a value was made by {@link emit}: what a body yields is checked, since a look-alike is most often a mistake. */
export function isEmission(value: unknown): value is Emission {
  return typeof value === 'object' && value !== null && EMISSION in value;
}
