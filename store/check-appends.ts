import { appendKey } from './appends.ts';
import { at, contentOf, hex, rowsOf, type CheckContext } from './check-rows.ts';
import type { Table } from './tables.ts';

const HASH = /^[0-9a-f]{64}$/;

/** Ids of batches can be read, stand under their own hash, and say where in the log their batch is. */
export function checkAppends(context: CheckContext, table: Table, head: number | undefined): void {
  for (const row of rowsOf(context, { name: 'appends', table, keyBytes: 32 })) {
    const content = contentOf(context, { ...row, code: 'append', name: 'appends' });
    if (content === undefined) continue;
    const [id, first, last, asked]: readonly unknown[] = Array.isArray(content) ? content : [];
    const problem = problemOf(row.key, { id, first, last, asked }, head ?? Infinity);
    if (problem === undefined) continue;
    const where = typeof first === 'number' ? first : undefined;
    context.findings.add({ code: 'append', table: 'appends', key: hex(row.key), ...at(where), message: `The id of a batch ${problem}.` });
  }
}

type Content = Readonly<Record<'id' | 'first' | 'last' | 'asked', unknown>>;

function problemOf(key: Buffer, { id, first, last, asked }: Content, head: number): string | undefined {
  if (typeof id !== 'string' || id === '' || !isPosition(first) || !isPosition(last) || typeof asked !== 'string' || !HASH.test(asked))
    return 'is not an id, two positions and a hash';
  const shown = JSON.stringify(id.slice(0, 100));
  if (!key.equals(appendKey(id))) return `stands under the hash of another one than ${shown}`;
  // A batch without events ends before it begins.
  if (first < 1 || last < first - 1) return `${shown} has positions ${first} to ${last}, which no batch has`;
  return last > head ? `${shown} has positions ${first} to ${last}, and the log ends at ${head}` : undefined;
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
