import { SelectionError } from '../kernel/errors.ts';
import { kindOf } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';

/**
 * Refuses what no `define` has made.
 *
 * @param verb as its user calls it: `plan`
 * @throws SelectionError INVALID_OPTION
 */
export function checkDefinitions(verb: string, given: unknown): void {
  if (isRecord(given) && given['kind'] === 'definitions') return;
  throw new SelectionError(
    'INVALID_OPTION',
    `${verb}() takes definitions first, and got ${kindOf(given)}. Make them with define({ assets: […] }).`,
    { details: { verb } },
  );
}
