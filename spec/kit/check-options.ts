import fc from 'fast-check';
import { isRecord } from '../../lib/kernel/record.ts';
import { CHECKED_LATER, checkVerbOptions, RULES, type OptionRule } from '../../lib/kernel/verb-options.ts';

const CHECK_RULES: Readonly<Record<string, OptionRule>> = {
  inputs: {
    accepts: (value) => value instanceof fc.Arbitrary || (Array.isArray(value) ? value.length > 0 : isRecord(value)),
    cure: 'Give values by name, a list of at least one such sample, or an arbitrary.',
  },
  cases: {
    accepts: (value) => Number.isInteger(value) && Number(value) > 0,
    cure: 'Give a whole number from 1 on: a check of no case finds nothing.',
  },
  seed: { accepts: Number.isInteger, cure: 'Give a whole number.' },
  replay: {
    accepts: (value) => typeof value === 'string' && /^-?\d+:\d+:[\d:]*$/.test(value),
    cure: 'Give the string that a failed check printed after "again".',
  },
  mayFail: RULES.flag,
  // What runs are given is checked by the runs.
  config: CHECKED_LATER,
  resources: CHECKED_LATER,
  pools: CHECKED_LATER,
  clock: CHECKED_LATER,
};

/**
 * Refuses options of a check that it would ignore, or that make it pass without looking.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function checkOptions(subject: string, given: unknown): void {
  checkVerbOptions(subject, given, CHECK_RULES);
}
