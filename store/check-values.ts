import { hex, messageOf, rowsOf, type CheckContext } from './check-rows.ts';
import { CHUNK_KEY_BYTES, valueOfChunk } from './chunks.ts';
import { DEEPEST_CHAIN } from './patches.ts';
import { laterTable, positionKey } from './tables.ts';
import { piecesOf } from './value-pieces.ts';
import { bytesOfRow } from './value-reader.ts';
import { openValueRow, valueKey, valueRowAt, type PatchRow, type ValueRow } from './value-rows.ts';

/** What is known of a value: it was removed, no event refers to it, or one does. */
type Known = 'removed' | 'kept' | 'referred';

/** The values of a store, and which of them an event refers to. */
export class CheckedValues {
  readonly #context: CheckContext;
  /** By the bytes of the key, one character each. */
  readonly #values = new Map<string, Known>();
  /** How many parts each value in parts has. */
  readonly #parts = new Map<string, number>();
  /** What values refer to. */
  readonly #pieces = new Map<string, readonly string[]>();
  readonly #whole: boolean;

  /** Values are what their addresses stand for, in whatever form they are kept, and every part belongs to one. */
  constructor(context: CheckContext) {
    this.#context = context;
    const before = context.findings.count;
    for (const { key, value } of rowsOf(context, { name: 'values', table: context.tables.values, keyBytes: 32 })) this.#check(key, value);
    this.#whole = context.findings.count === before;
    this.#checkChunks();
    if (this.#whole) this.#checkPieces();
  }

  #check(key: Buffer, row: Buffer): void {
    const name = key.toString('latin1');
    this.#values.set(name, 'kept');
    try {
      const opened = openValueRow(row, key, this.#context.label);
      if (opened.kind === 'removed') this.#values.set(name, 'removed');
      if (opened.kind === 'chunks') this.#parts.set(name, opened.count);
      const pieces = piecesOf(this.#context, key, row).keys.map((piece) => piece.toString('latin1'));
      if (pieces.length > 0) this.#pieces.set(name, pieces);
      const bytes = bytesOfRow(this.#context, key, row);
      const problem = bytes === undefined ? undefined : this.#problemOf(opened, bytes.length);
      if (problem !== undefined) this.#wrong(key, `A value ${problem}.`);
    } catch (error) {
      this.#wrong(key, messageOf(error));
    }
  }

  #wrong(key: Buffer, message: string): void {
    this.#context.findings.add({ code: 'value-wrong', table: 'values', key: hex(key), message });
  }

  #problemOf(row: ValueRow, size: number): string | undefined {
    if (row.kind !== 'patch') return undefined;
    if (row.size !== size) return `has ${size} bytes, and its row says ${row.size}`;
    const depth = this.#depthOf(row);
    if (row.depth < depth || row.depth > DEEPEST_CHAIN)
      return `is ${depth} changes away from one that is kept in full, and its row says ${row.depth}`;
    return undefined;
  }

  /** The value could be read, so the chain has an end. */
  #depthOf(row: PatchRow): number {
    const { tables, label } = this.#context;
    let depth = 0;
    for (let below: ValueRow | undefined = row; below?.kind === 'patch'; depth += 1) below = valueRowAt(tables.values, below.base, label);
    return depth;
  }

  #checkChunks(): void {
    const table = laterTable(this.#context.tables, 'chunks');
    if (table === undefined) return;
    for (const { key } of rowsOf(this.#context, { name: 'chunks', table, keyBytes: CHUNK_KEY_BYTES })) {
      const count = this.#parts.get(valueOfChunk(key).toString('latin1')) ?? 0;
      const number = key.readUInt32BE(CHUNK_KEY_BYTES - 4);
      // Where rows of values could not be read, it may belong to one of those.
      if (number < count || !this.#whole) continue;
      this.#context.findings.add({
        code: 'chunk-wrong',
        table: 'chunks',
        key: hex(key),
        message: 'A part of a value belongs to no value.',
      });
    }
  }

  /** Where rows could not be read, a piece may be one of those. */
  #checkPieces(): void {
    for (const [name, pieces] of this.#pieces) {
      const missing = pieces.filter((piece) => (this.#values.get(piece) ?? 'removed') === 'removed').length;
      if (missing === 0) continue;
      this.#context.findings.add({
        code: 'value-missing',
        table: 'values',
        key: Buffer.from(name, 'latin1').toString('hex'),
        message: `A value refers to ${missing} others that are not there.`,
      });
    }
  }

  /** An event refers to an address. */
  refer(address: string, position: number): void {
    const key = valueKey(address).toString('latin1');
    const known = this.#values.get(key);
    if (known === 'kept') this.#referTo(key);
    // Where rows could not be read, it may be one of those: they have findings of their own.
    else if (known === undefined && this.#whole)
      this.#context.findings.add({
        code: 'value-missing',
        table: 'values',
        key: hex(positionKey(position)),
        position,
        message: `The event at position ${position} refers to the value ${address.slice(0, 100)}, which is not there.`,
      });
  }

  /** With a value, an event refers to its pieces. */
  #referTo(first: string): void {
    const open = [first];
    for (let key = open.pop(); key !== undefined; key = open.pop()) {
      if (this.#values.get(key) !== 'kept') continue;
      this.#values.set(key, 'referred');
      open.push(...(this.#pieces.get(key) ?? []));
    }
  }

  /** How many values no event refers to. */
  get unreferred(): number {
    return [...this.#values.values()].filter((known) => known === 'kept').length;
  }
}
