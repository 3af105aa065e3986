import { isCount } from '../lib/kernel/count.ts';
import { at, contentOf, hex, rowsOf, type CheckContext } from './check-rows.ts';
import { offsetKey } from './offsets.ts';
import type { Table } from './tables.ts';

/** Offsets can be read, stand under the hash of their source's key, and none is ahead of the log. */
export function checkOffsets(context: CheckContext, table: Table, head: number | undefined): void {
  for (const row of rowsOf(context, { name: 'offsets', table, keyBytes: 32 })) {
    const content = contentOf(context, { ...row, code: 'offset', name: 'offsets' });
    if (content === undefined) continue;
    const [key, offset, writtenAt]: readonly unknown[] = Array.isArray(content) ? content : [];
    const problem = problemOf(row.key, { key, offset, writtenAt }, head ?? Infinity);
    if (problem === undefined) continue;
    const where = typeof writtenAt === 'number' ? writtenAt : undefined;
    context.findings.add({
      code: 'offset',
      table: 'offsets',
      key: hex(row.key),
      ...at(where),
      message: `The offset of a source ${problem}.`,
    });
  }
}

type Content = Readonly<Record<'key' | 'offset' | 'writtenAt', unknown>>;

function problemOf(row: Buffer, { key, offset, writtenAt }: Content, head: number): string | undefined {
  if (typeof key !== 'string' || typeof offset !== 'string' || !isCount(writtenAt)) return 'is not a key, a text and a position';
  const shown = JSON.stringify(key.slice(0, 100));
  if (!row.equals(offsetKey(key))) return `stands under the hash of another key than ${shown}`;
  return writtenAt > head ? `${shown} was written when the log ended at ${writtenAt}, and the log ends at ${head}` : undefined;
}
