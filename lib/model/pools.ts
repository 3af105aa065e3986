import { kindOf, printValue, quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';

/** What is wrong with a record of pool name to size, as the rest of a sentence; nothing where it is right. */
export function poolsProblem(given: unknown): string | undefined {
  if (!isRecord(given)) return `is ${kindOf(given)}. Give a record of pool name to the number of steps that may run at the same time.`;
  for (const [name, size] of Object.entries(given)) {
    if (typeof size === 'number' && Number.isInteger(size) && size >= 1) continue;
    return `gives pool ${quote(name)} the size ${printValue(size)}. Give a whole number from 1.`;
  }
  return undefined;
}
