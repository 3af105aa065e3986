import { DefinitionError } from '../kernel/errors.ts';
import { isClass, kindOf, quoteList } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { checkOptions } from './options.ts';

/** A function as its object has it: not bound, so whoever calls it says on what. */
export type Method = (...given: never) => unknown;

/** Whose methods are read, for messages. */
export interface MethodsOf {
  readonly what: string;
  readonly where: string;
}

/**
 * Reads methods of an object by name, own or inherited. A record may have nothing else, so that a misspelt name is noticed; an instance of a
 * class may have what it likes, but not none of them.
 *
 * @param of whose methods they are: `"hooks"`, and where that is: `op "clean"`
 * @throws DefinitionError INVALID_DEFINITION
 */
export function readMethods<Name extends string>(
  given: unknown,
  fields: Readonly<Record<Name, true>>,
  of: MethodsOf,
): Readonly<Partial<Record<Name, Method>>> {
  const instance = isInstance(given);
  if (!instance) checkOptions(given, fields, `${of.what} of ${of.where}`);
  const names = Object.keys(fields);
  const found = names.map((name) => [name, Reflect.get(Object(given), name)] as const).filter(([, method]) => method !== undefined);
  if (instance && found.length === 0) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${of.what} of ${of.where} got ${kindOf(given)}, which has none of the methods ${quoteList(names)}. Give an object that has.`,
      { details: { where: of.where } },
    );
  }
  for (const [name, method] of found) if (!isCallable(method)) throw notCallable(of, name, method);
  // Only the names of `fields`, and only functions, as was just checked.
  return Object.freeze(Object.fromEntries(found)) as Partial<Record<Name, Method>>;
}

/** The refusal of what should be a method. */
export function notCallable({ what, where }: MethodsOf, name: string, given: unknown): DefinitionError {
  return new DefinitionError('INVALID_DEFINITION', `${what} of ${where}: "${name}" is ${kindOf(given)}. Give a function.`, {
    details: { where, option: name },
  });
}

/** Whether a value can be called as functions can: a class cannot. */
function isCallable(value: unknown): boolean {
  return typeof value === 'function' && !isClass(value);
}

function isInstance(given: unknown): boolean {
  return typeof given === 'object' && given !== null && !Array.isArray(given) && !isRecord(given);
}
