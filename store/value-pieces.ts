import { isNode, readNode } from '../lib/kernel/keyed/node-form.ts';
import { chunkKey } from './chunks.ts';
import { laterTable } from './tables.ts';
import { bytesOfRow, type ValuePlace } from './value-reader.ts';
import { openValueRow } from './value-rows.ts';

/** What a value refers to: a collection of keyed rows is kept in pieces, each a value of its own. Where a value is kept, its pieces are. */
export interface Pieces {
  /** How far it is above those that refer to nothing. */
  readonly height: number;
  readonly keys: readonly Buffer[];
}

const NONE: Pieces = Object.freeze({ height: 0, keys: Object.freeze([]) });

/**
 * What the value of a row refers to. Only looks at the whole of what refers to something.
 *
 * @throws StoreError STORE_CORRUPT where it cannot be read
 */
export function piecesOf(place: ValuePlace, key: Buffer, row: Buffer): Pieces {
  if (!mayHavePieces(place, key, row)) return NONE;
  const bytes = bytesOfRow(place, key, row);
  if (bytes === undefined) return NONE;
  const { height, children } = readNode(bytes);
  return { height, keys: children.map(({ hash }) => Buffer.from(hash, 'hex')) };
}

/** What has pieces is never kept as a change of another value. */
function mayHavePieces({ tables, label }: ValuePlace, key: Buffer, row: Buffer): boolean {
  const opened = openValueRow(row, key, label);
  if (opened.kind === 'whole') return isNode(opened.bytes);
  const first = opened.kind === 'chunks' ? laterTable(tables, 'chunks')?.get(chunkKey(key, 0)) : undefined;
  return first !== undefined && isNode(first);
}
