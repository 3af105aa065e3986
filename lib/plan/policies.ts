import { SelectionError } from '../kernel/errors.ts';
import { printValue, quote } from '../kernel/print.ts';
import type { RunMode, RunPolicies } from '../events/logged-event.ts';

const ALLOWED = {
  unselectedOutputs: ['discard', 'materialize', 'error'],
  inGraphUpstream: ['recompute', 'load', 'auto'],
  crossGraphUpstream: ['load', 'auto'],
} as const;

/**
 * The mode of a run: `materialize` where none is given.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function readMode(given: unknown): RunMode {
  const mode = orDefault(given, 'materialize');
  if (mode === 'materialize' || mode === 'refresh') return mode;
  throw new SelectionError('INVALID_OPTION', `"mode" is ${printValue(mode)}. Give one of "materialize", "refresh".`, {
    details: { option: 'mode', value: mode },
  });
}

/** The policies of a run, with the defaults of its mode for what is left out (N5, N6, X7). */
export function readPolicies(given: Partial<RunPolicies>, mode: RunMode): RunPolicies {
  const policies: RunPolicies = {
    unselectedOutputs: orDefault(given.unselectedOutputs, 'discard'),
    inGraphUpstream: orDefault(given.inGraphUpstream, 'auto'),
    crossGraphUpstream: orDefault(given.crossGraphUpstream, mode === 'refresh' ? 'auto' : 'load'),
  };
  for (const [name, allowed] of Object.entries(ALLOWED)) {
    const value: unknown = Reflect.get(policies, name);
    if (!allowed.some((each) => each === value)) {
      throw new SelectionError('INVALID_OPTION', `"${name}" is ${printValue(value)}. Give one of ${allowed.map(quote).join(', ')}.`, {
        details: { option: name, value },
      });
    }
  }
  if (mode === 'refresh' && policies.inGraphUpstream !== 'auto') {
    throw new SelectionError(
      'INVALID_OPTION',
      `"inGraphUpstream" is ${quote(policies.inGraphUpstream)}, and a refresh always takes "auto" (N6). Leave it out, or use materialize().`,
      { details: { option: 'inGraphUpstream', value: policies.inGraphUpstream } },
    );
  }
  return Object.freeze(policies);
}

/** The default is for what is left out alone: null is a wrong value like any other. */
function orDefault<Value>(given: Value | undefined, standard: Value): Value {
  return given === undefined ? standard : given;
}
