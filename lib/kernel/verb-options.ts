import { SelectionError } from './errors.ts';
import { suggest } from './nearest.ts';
import { kindOf, quote } from './print.ts';
import { isRecord } from './record.ts';

/** What an option of a verb must be: whether a value will do, and what to say if not. Checked only where the option is given. */
export interface OptionRule {
  readonly accepts: (value: unknown) => boolean;
  readonly cure: string;
}

/** The options that a verb takes, by name. */
export type OptionRules<Options> = Readonly<Record<keyof Options & string, OptionRule>>;

/** The rule of an option that is checked where it is read. */
export const CHECKED_LATER: OptionRule = { accepts: () => true, cure: '' };

/** The rules of options of common kinds. */
export const RULES: Readonly<Record<'string' | 'flag' | 'function' | 'strings' | 'position' | 'signal', OptionRule>> = {
  string: { accepts: (value) => typeof value === 'string', cure: 'Give a string.' },
  flag: { accepts: (value) => typeof value === 'boolean', cure: 'Give true or false.' },
  function: { accepts: (value) => typeof value === 'function', cure: 'Give a function.' },
  signal: { accepts: (value) => value instanceof AbortSignal, cure: 'Give an AbortSignal.' },
  strings: {
    accepts: (value) => isRecord(value) && Object.values(value).every((each) => typeof each === 'string'),
    cure: 'Give a record of strings.',
  },
  position: {
    accepts: (value) => typeof value === 'number' && value >= 0 && (Number.isInteger(value) || value === Infinity),
    cure: 'Give a whole number from 0.',
  },
};

/**
 * Refuses what holds no options, an option that would be ignored, and one that would be misread.
 *
 * @param verb as its user calls it: `store.put`
 * @throws SelectionError INVALID_OPTION
 */
export function checkVerbOptions(verb: string, given: unknown, rules: Readonly<Record<string, OptionRule>>): void {
  if (!isRecord(given)) {
    throw new SelectionError('INVALID_OPTION', `${verb}() takes its options as one object, and got ${kindOf(given)}. Write { … }.`, {
      details: { verb },
    });
  }
  for (const [option, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined;
    if (rule === undefined) {
      throw new SelectionError('INVALID_OPTION', `${verb}() has no option ${quote(option)}. ${suggest(option, Object.keys(rules))}`, {
        details: { verb, option },
      });
    }
    if (value === undefined || rule.accepts(value)) continue;
    const shown = typeof value === 'string' || typeof value === 'number' ? quote(String(value)) : kindOf(value);
    throw new SelectionError('INVALID_OPTION', `${verb}(): "${option}" is ${shown}. ${rule.cure}`, { details: { verb, option } });
  }
}
