import * as lmdb from 'lmdb';
import { invariant } from '../lib/kernel/invariant.ts';
import type { Table } from './tables.ts';

/** When a row is put. All have the same fields: they are asked for with each row, and the engine need not look for them then. */
export interface PutCondition {
  readonly append: boolean;
  readonly noOverwrite: boolean;
}

/** Where its key is after all others of the table. */
export const AT_THE_END: PutCondition = { append: true, noOverwrite: false };

/** Where no row has its key. */
export const WHERE_NONE_IS: PutCondition = { append: false, noOverwrite: true };

/** Wherever its key is, over what it has. */
export const IN_ANY_CASE: PutCondition = { append: false, noOverwrite: false };

/** A row right behind its key, in a space that they share with others: a buffer for each would cost more than its checksum. */
export interface Entry {
  readonly space: Buffer;
  /** Where the key starts. */
  readonly start: number;
  /** Where the row starts, and the key ends. */
  readonly row: number;
  readonly end: number;
}

/** What of lmdb-js calls LMDB itself. */
interface Native {
  /** Does what is written at an address, in the transaction that is open: gives a code of LMDB or throws its error, as Node's version goes. */
  readonly write: (environment: number, instruction: number) => number | undefined;
  /** Where the bytes of a buffer are in memory. */
  readonly getAddress: (bytes: ArrayBufferLike) => number;
  /** Throws what a code of LMDB means. */
  readonly lmdbError: (code: number) => void;
}

// lmdb-js exports it, and its types do not say so; its version is pinned.
const native = (lmdb as unknown as { readonly nativeAddon: Native }).nativeAddon;

/** A table as lmdb-js has it, inside. */
interface OpenTable extends Table {
  readonly env: {
    readonly address: number;
    /** There while a transaction that writes is open. */
    readonly writeTxn?: object | null;
  };
  readonly db: { readonly dbi: number };
}

/** Bytes whose place in memory was asked for before: lmdb-js keeps it there too. */
type Placed = ArrayBufferLike & { address?: number };

// One instruction of lmdb-js (write.js and writer.cpp there): flags, number of the table and length of the key as u32, then the key; at a multiple
// of 8 bytes behind it the address of the row as f64, and right before that the row's length as u32.
const KEY_START = 12;
/** From the end of the key to that of the row's address, rounded down to a multiple of 8. */
const KEY_TO_END = 16;
const LONGEST_KEY = 64;
const INSTRUCTION = new ArrayBuffer(128);
const BYTES = new Uint8Array(INSTRUCTION);
const WORDS = new Uint32Array(INSTRUCTION);
const ADDRESSES = new Float64Array(INSTRUCTION);
const INSTRUCTION_ADDRESS = native.getAddress(INSTRUCTION);

const PUT = 15;
const NO_OVERWRITE = 0x10;
const APPEND = 0x20000;
/** What is added to the flags where the condition did not hold. */
const FAILED_CONDITION = 0x4000000;

/**
 * Puts a row, inside of a transaction, where a condition holds, and says whether it does. Without the detour that lmdb-js takes: it makes a function and
 * what belongs to it for each row, and that is a fifth of what a small one takes to be put. Unlike lmdb-js it tells of every row that LMDB did
 * not take.
 */
export function putEntry(table: Table, { space, start, row, end }: Entry, condition: PutCondition): boolean {
  // Every table that lmdb-js opens has these.
  const { env, db } = table as OpenTable;
  const length = row - start;
  invariant(Boolean(env.writeTxn) && length <= LONGEST_KEY, 'rows are put inside of a transaction, under short keys');
  WORDS[0] = PUT | (condition.append ? APPEND : 0) | (condition.noOverwrite ? NO_OVERWRITE : 0);
  WORDS[1] = db.dbi;
  WORDS[2] = length;
  for (let index = 0; index < length; index += 1) BYTES[KEY_START + index] = space[start + index] ?? 0;
  const at = (KEY_START + length + KEY_TO_END) >> 3;
  ADDRESSES[at] = end === row ? 0 : addressOf(space.buffer) + space.byteOffset + row;
  WORDS[2 * at - 1] = end - row;
  const code = native.write(env.address, INSTRUCTION_ADDRESS);
  const isPut = ((WORDS[0] ?? 0) & FAILED_CONDITION) === 0;
  if (code !== undefined && code !== 0 && isPut) native.lmdbError(code);
  return isPut;
}

function addressOf(bytes: Placed): number {
  return (bytes.address ??= native.getAddress(bytes));
}
