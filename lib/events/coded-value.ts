import { isUint8Array } from 'node:util/types';
import { StoreError } from '../kernel/errors.ts';
import { kindOf, quote } from '../kernel/print.ts';
import { readThrown } from '../kernel/thrown.ts';
import { isThenable } from '../kernel/thenable.ts';
import { decodeValue } from '../kernel/value/decode.ts';
import { codedBytes, isCoded, readCoded } from '../kernel/value/coded.ts';
import { address } from '../kernel/value/version.ts';
import type { Codec, Codecs } from '../model/codec.ts';
import type { StoredValue } from './store-port.ts';

/** A value in the form in which runs record it: its version, and what the store keeps under its address. */
export interface EncodedValue extends StoredValue {
  readonly version: string;
}

/** Why a codec has no bytes of a value: the half of a sentence that says so, and what the codec threw, if it did. */
export interface CodecProblem {
  readonly problem: string;
  readonly cause: unknown;
}

/** For what is always plain data. */
export const NO_CODECS: Codecs = new Map();

/** Encodes a value as its codec does. It is not looked into: equal bytes are equal values. */
export function encodeWith(codec: Codec, value: unknown): EncodedValue | CodecProblem {
  const { name } = codec;
  const refused = (said: string, cause?: unknown): CodecProblem => ({ problem: `its codec ${quote(name)} ${said}`, cause });
  let given: unknown;
  try {
    given = codec.encode(value);
  } catch (cause) {
    return refused(`could not encode it: ${saidBy(cause)}`, cause);
  }
  if (!isUint8Array(given)) return refused(`gave ${kindOf(given)} instead of a Uint8Array`);
  try {
    const bytes = codedBytes({ codec: name, bytes: given });
    const at = address(bytes);
    return { version: at, address: at, bytes };
  } catch (cause) {
    return refused(cause instanceof RangeError ? 'gave more than 1 GiB of bytes' : 'gave bytes that were transferred away', cause);
  }
}

/** A stored value, as messages speak of it. Asked only where there is something to say. */
export type ValuePlace = () => {
  /** Completes "the value of …": which one, and in which store. */
  readonly what: string;
  readonly details: Readonly<Record<string, unknown>>;
};

/**
 * The value in stored bytes, whoever encoded it, that refer to no others.
 *
 * @throws StoreError STORE_CORRUPT where the bytes are none that were ever stored, CODEC_UNKNOWN, CODEC_FAILED
 */
export function decodeStored(bytes: Uint8Array, codecs: Codecs, place: ValuePlace): unknown {
  if (isCoded(bytes)) return decodeCoded(bytes, codecs, place);
  return unlessCorrupt(() => decodeValue(bytes), place);
}

function decodeCoded(bytes: Uint8Array, codecs: Codecs, place: ValuePlace): unknown {
  const coded = unlessCorrupt(() => readCoded(bytes), place);
  const known = codecs.get(coded.codec);
  if (known === undefined) throw unknownCodec(coded.codec, place);
  const made = decodeWith(known, coded.bytes);
  if ('value' in made) return made.value;
  const { what, details } = place();
  throw new StoreError(
    'CODEC_FAILED',
    `The codec ${quote(known.name)} could not decode the value of ${what}: ${made.problem}. Mend its "decode", or make the value again.`,
    { details: { ...details, codec: known.name }, cause: made.cause },
  );
}

function decodeWith(codec: Codec, bytes: Uint8Array): { readonly value: unknown } | CodecProblem {
  try {
    const value = codec.decode(bytes);
    if (value === undefined) return { problem: 'it gave undefined, which is no value', cause: undefined };
    // Whoever waits for the value would wait for what is in it, and get something else.
    return isThenable(value) ? { problem: 'it gave a promise, and has to give the value itself', cause: undefined } : { value };
  } catch (cause) {
    return { problem: saidBy(cause), cause };
  }
}

/**
 * Reads what was proven to be what was stored, so that nothing can be wrong with it but that it never was a value.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function unlessCorrupt<T>(read: () => T, place: ValuePlace): T {
  try {
    return read();
  } catch (cause) {
    const { what, details } = place();
    throw new StoreError('STORE_CORRUPT', `The value of ${what} cannot be read. Verify the store, or run the asset again.`, {
      details,
      cause,
    });
  }
}

function unknownCodec(name: string, place: ValuePlace): StoreError {
  const { what, details } = place();
  return new StoreError(
    'CODEC_UNKNOWN',
    `The value of ${what} was encoded by the codec ${quote(name)}, which nobody gave. Give it to the output or source that has it, or in "codecs" to openStore() or memoryStore().`,
    { details: { ...details, codec: name } },
  );
}

/** What a codec threw, in words; the sentence goes on behind it. */
function saidBy(thrown: unknown): string {
  return readThrown(thrown).said.replace(/\.$/, '');
}
