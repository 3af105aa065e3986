import { isCount } from '../lib/kernel/count.ts';
import { at, contentOf, hex, rowAt, rowsOf, type CheckContext } from './check-rows.ts';
import { isKeyOfCursor } from './cursors.ts';
import type { LogState } from './log-state.ts';
import { META, type Table } from './tables.ts';

/** The state, after a finding where it cannot be read. A store that nothing was written to has none. */
export function checkState(context: CheckContext): LogState | undefined {
  const value = rowAt(context, 'meta', META.state);
  if (value === undefined) return { epoch: 0, head: 0, nextName: 1 };
  const content = contentOf(context, { code: 'state', name: 'meta', key: META.state, value });
  if (content === undefined) return undefined;
  const [epoch, head, nextName]: readonly unknown[] = Array.isArray(content) ? content : [];
  if (isCount(epoch) && isCount(head) && isCount(nextName) && nextName > 0) return { epoch, head, nextName };
  context.findings.add({
    code: 'state',
    table: 'meta',
    key: hex(META.state),
    message: 'The state of the store is not the numbers that it should be.',
  });
  return undefined;
}

/** The lease can be read: else nobody could open the store to write. */
export function checkLeaseRow(context: CheckContext): void {
  const value = rowAt(context, 'meta', META.lease);
  if (value === undefined) return;
  const content = contentOf(context, { code: 'lease', name: 'meta', key: META.lease, value });
  if (content === undefined || (typeof content === 'object' && content !== null && 'pid' in content && isCount(content.pid))) return;
  context.findings.add({ code: 'lease', table: 'meta', key: hex(META.lease), message: 'The lease does not say which process has it.' });
}

/** Cursors can be read, stand under the hash of their name, and none is behind the end of the log. */
export function checkCursors(context: CheckContext, table: Table, head: number | undefined): void {
  for (const row of rowsOf(context, { name: 'cursors', table, keyBytes: 32 })) {
    const content = contentOf(context, { ...row, code: 'cursor', name: 'cursors' });
    if (content === undefined) continue;
    const [name, position]: readonly unknown[] = Array.isArray(content) ? content : [];
    const problem = cursorProblem({ key: row.key, name, position, head });
    if (problem === undefined) continue;
    const where = typeof position === 'number' ? position : undefined;
    context.findings.add({ code: 'cursor', table: 'cursors', key: hex(row.key), ...at(where), message: `A cursor ${problem}.` });
  }
}

interface CursorRow {
  readonly key: Buffer;
  readonly name: unknown;
  readonly position: unknown;
  readonly head: number | undefined;
}

function cursorProblem({ key, name, position, head }: CursorRow): string | undefined {
  if (typeof name !== 'string' || !isCount(position)) return 'is not a name and a position';
  if (!isKeyOfCursor(key, name)) return `stands under the hash of another name than ${JSON.stringify(name.slice(0, 100))}`;
  if (head !== undefined && position > head)
    return `of ${JSON.stringify(name.slice(0, 100))} is at position ${position}, and the log ends at ${head}`;
  return undefined;
}
