import { DefinitionError } from '../kernel/errors.ts';
import { kindOf, quote } from '../kernel/print.ts';

const NAME = /^[A-Za-z_$][\w$-]*$/;

/** What carries a name that a step path or a key may be made of. */
export type NamedThing = 'op' | 'graph' | 'input' | 'output' | 'invocation' | 'resource' | 'pool';

/**
 * Refuses a name that could not stand in a step path (rule D5).
 *
 * @throws DefinitionError INVALID_NAME
 */
export function checkName(thing: NamedThing, name: unknown, where: string): asserts name is string {
  if (typeof name === 'string' && NAME.test(name)) return;
  const shown = typeof name === 'string' ? quote(name) : kindOf(name);
  throw new DefinitionError(
    'INVALID_NAME',
    `${shown} is not a name for ${/^[aeio]/.test(thing) ? 'an' : 'a'} ${thing} (${where}). Use a letter, "_" or "$", then letters, digits, "_", "$" or "-".`,
    { details: { thing, name, where } },
  );
}
