import { SelectionError } from '../../lib/kernel/errors.ts';
import { frozenSet } from '../../lib/kernel/frozen-collections.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { kindOf, quote, quoteList } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import type { AnyGraph } from '../../lib/model/graph.ts';
import type { AnyOp } from '../../lib/model/op.ts';
import type { InputPort } from '../../lib/model/port.ts';
import { valueIn, type Frame } from './frames.ts';

/**
 * The outputs to ask for: all of them where nothing is said.
 *
 * @throws SelectionError INVALID_SELECTION, UNKNOWN_ASSET
 */
export function readSelect(verb: string, target: AnyOp | AnyGraph, select: unknown): ReadonlySet<string> {
  if (select === undefined) return frozenSet(target.outputNames);
  if (!Array.isArray(select))
    throw new SelectionError(
      'INVALID_SELECTION',
      `${verb}(${quote(target.name)}): "select" is ${kindOf(select)}. Give a list of output names.`,
    );
  const names = select.map(String);
  const unknown = names.find((output) => !target.outputNames.includes(output));
  if (unknown === undefined) return frozenSet(names);
  throw new SelectionError(
    'UNKNOWN_ASSET',
    `${target.kind} ${quote(target.name)} has no output ${quote(unknown)}. ${suggest(unknown, target.outputNames)}`,
    { details: { output: unknown } },
  );
}

/**
 * The inputs that a verb was given by hand: every required one, and no other name. Their plain data is frozen.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function readInputs(verb: string, { kind, name, inputs }: AnyOp | AnyGraph, given: unknown = {}): Frame {
  const where = `${verb}(${quote(name)})`;
  if (!isRecord(given))
    throw new SelectionError('INVALID_OPTION', `${where}: "inputs" is ${kindOf(given)}. Give a record of input to value.`);
  const fed = Object.entries(inputs).filter(([, port]) => port.kind !== 'nothing');
  const unknown = Object.keys(given).find((input) => !fed.some(([known]) => known === input));
  if (unknown !== undefined) {
    const names = fed.map(([input]) => input);
    throw new SelectionError(
      'INVALID_OPTION',
      `${where}: the ${kind} has no input ${quote(unknown)} that reads a value. ${suggest(unknown, names)}`,
      {
        details: { input: unknown },
      },
    );
  }
  const missing = fed.filter(([input, { optional }]) => !optional && valueIn(given, input) === undefined).map(([input]) => input);
  if (missing.length > 0) {
    throw new SelectionError('INVALID_OPTION', `${where} needs ${quoteList(missing)} in "inputs", and got nothing for it.`, {
      details: { missing },
    });
  }
  checkLists(where, fed, given);
  // As in a run: a body that changes what it was given fails, and must not pass a test first (X13).
  for (const value of Object.values(given)) fixValue(value);
  return given;
}

function checkLists(where: string, fed: readonly (readonly [string, InputPort])[], given: Frame): void {
  for (const [input, { kind }] of fed) {
    const value = valueIn(given, input);
    if (kind !== 'list' || value === undefined || Array.isArray(value)) continue;
    throw new SelectionError(
      'INVALID_OPTION',
      `${where}: input ${quote(input)} is a list, and got ${kindOf(value)}. Give an array of entries.`,
      {
        details: { input },
      },
    );
  }
}
