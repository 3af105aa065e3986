import { hash } from 'node:crypto';
import { valueKey, WHOLE_VALUE } from './batch-draft.ts';
import { hex, rowsOf, type CheckContext } from './check-rows.ts';
import { positionKey } from './tables.ts';

/** The values of a store, and which of them an event refers to. */
export class CheckedValues {
  readonly #context: CheckContext;
  /** By the bytes of the key, one character each. `true` where an event refers to it. */
  readonly #referred = new Map<string, boolean>();
  readonly #whole: boolean;

  /** Values are what their addresses stand for. */
  constructor(context: CheckContext) {
    this.#context = context;
    const { findings } = context;
    const before = findings.count;
    for (const { key, value } of rowsOf(context, { name: 'values', table: context.tables.values, keyBytes: 32 })) {
      this.#referred.set(key.toString('latin1'), false);
      const problem = problemOf(key, value);
      if (problem !== undefined) findings.add({ code: 'value-wrong', table: 'values', key: hex(key), message: `A value ${problem}.` });
    }
    this.#whole = findings.count === before;
  }

  /** An event refers to an address. */
  refer(address: string, position: number): void {
    const key = valueKey(address).toString('latin1');
    const known = this.#referred.has(key);
    if (known) this.#referred.set(key, true);
    // Where rows could not be read, it may be one of those: they have findings of their own.
    else if (this.#whole)
      this.#context.findings.add({
        code: 'value-missing',
        table: 'values',
        key: hex(positionKey(position)),
        position,
        message: `The event at position ${position} refers to the value ${address.slice(0, 100)}, which is not there.`,
      });
  }

  /** How many values no event refers to. */
  get unreferred(): number {
    return [...this.#referred.values()].filter((referred) => !referred).length;
  }
}

function problemOf(key: Buffer, row: Buffer): string | undefined {
  if (row[0] !== WHOLE_VALUE) return 'is in a form that this version of Sluice does not know';
  return key.equals(hash('sha256', row.subarray(1), 'buffer')) ? undefined : 'is not the one that its address stands for';
}
