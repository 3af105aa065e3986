import { SelectionError } from '../kernel/errors.ts';
import { printValue, quote } from '../kernel/print.ts';
import type { RunPolicies } from '../events/logged-event.ts';

const ALLOWED = {
  unselectedOutputs: ['discard', 'materialize', 'error'],
  inGraphUpstream: ['recompute', 'load', 'auto'],
  crossGraphUpstream: ['load', 'auto'],
} as const;

/** The policies of a run, with `materialize`'s defaults for what is left out (N5, N6, X7). */
export function readPolicies(given: Partial<RunPolicies>): RunPolicies {
  const policies: RunPolicies = {
    unselectedOutputs: orDefault(given.unselectedOutputs, 'discard'),
    inGraphUpstream: orDefault(given.inGraphUpstream, 'auto'),
    crossGraphUpstream: orDefault(given.crossGraphUpstream, 'load'),
  };
  for (const [name, allowed] of Object.entries(ALLOWED)) {
    const value: unknown = Reflect.get(policies, name);
    if (!allowed.some((each) => each === value)) {
      throw new SelectionError('INVALID_OPTION', `"${name}" is ${printValue(value)}. Give one of ${allowed.map(quote).join(', ')}.`, {
        details: { option: name, value },
      });
    }
  }
  return Object.freeze(policies);
}

/** The default is for what is left out alone: null is a wrong value like any other. */
function orDefault<Value>(given: Value | undefined, standard: Value): Value {
  return given === undefined ? standard : given;
}
