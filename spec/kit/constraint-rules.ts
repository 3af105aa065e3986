import { isCount } from '../../lib/kernel/count.ts';
import { quoteList } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import type { OptionRule } from '../../lib/kernel/verb-options.ts';

/** Rules of what arbitraries take: what would make nothing, or what they would not notice, is refused. */
export const BOUND: OptionRule = { accepts: (value) => isCount(value) && value > 0, cure: 'Give a whole number from 1.' };

/** A bound that may be 0. */
export const DEPTH: OptionRule = { accepts: isCount, cure: 'Give a whole number from 0.' };

/** A share. */
export const CHANCE: OptionRule = {
  accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  cure: 'Give a number from 0 to 1.',
};

/** A record of such lists, each checked where it is drawn from. */
export const CHOICES: OptionRule = {
  accepts: (value) => isRecord(value) && Object.values(value).every((each) => Array.isArray(each) && each.length > 0),
  cure: 'Give lists of at least one.',
};

/** A list of some names, which is not empty. */
export function someOf(names: readonly string[]): OptionRule {
  return {
    accepts: (value) => Array.isArray(value) && value.length > 0 && value.every((each) => names.includes(each)),
    cure: `Give a list of at least one of ${quoteList(names)}.`,
  };
}
