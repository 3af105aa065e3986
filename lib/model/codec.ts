import { DefinitionError } from '../kernel/errors.ts';
import { isClass, kindOf, quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import type { OptionRule } from '../kernel/verb-options.ts';
import { LONGEST_CODEC_NAME } from '../kernel/value/coded.ts';
import { checkOptions, type Fields } from './options.ts';

/** How values of one type are kept as bytes: for what is no plain data, or has bytes of its own already. */
export interface Codec<T = unknown> {
  readonly kind: 'codec';
  /** Stored with every value: a later process finds the codec by it. */
  readonly name: string;
  encode(this: void, value: T): Uint8Array;
  decode(this: void, bytes: Uint8Array): T;
}

/** Codecs by name. */
export type Codecs = ReadonlyMap<string, Codec>;

/** What {@link codec} takes. */
export interface CodecOptions<T> {
  /** Stored with every value. Change it where older bytes can no longer be decoded: `table@2`. */
  readonly name: string;
  /** The bytes of a value: the same ones for equal values, and different ones for others. Copied before anybody can change them. */
  encode(value: T): Uint8Array;
  /** The value again. The bytes are nobody else's, and start where their buffer does. */
  decode(bytes: Uint8Array): T;
}

const CODEC_FIELDS: Fields<CodecOptions<unknown>> = { name: true, encode: true, decode: true };

/**
 * Makes a codec, to be given to outputs and sources: `output({ codec })`. Both functions are synchronous.
 *
 * @throws DefinitionError INVALID_NAME, INVALID_DEFINITION
 */
export function codec<T>(options: CodecOptions<T>): Codec<T> {
  checkOptions(options, CODEC_FIELDS, 'codec()');
  const name = checkCodecName(options.name);
  for (const field of ['encode', 'decode'] as const) checkFunction(options[field], `codec ${quote(name)}: "${field}"`);
  // Bound, as both may be methods of what was given.
  return Object.freeze({ kind: 'codec', name, encode: options.encode.bind(options), decode: options.decode.bind(options) });
}

function checkCodecName(name: unknown): string {
  const isName = typeof name === 'string' && name !== '' && !/\p{Surrogate}/u.test(name) && Buffer.byteLength(name) <= LONGEST_CODEC_NAME;
  if (isName) return name;
  throw new DefinitionError(
    'INVALID_NAME',
    `codec(): "name" is ${typeof name === 'string' ? quote(name) : kindOf(name)}. Give text of 1 to ${LONGEST_CODEC_NAME} bytes, which is stored with every value.`,
    { details: { name } },
  );
}

function checkFunction(value: unknown, what: string): void {
  if (typeof value === 'function' && !isClass(value)) return;
  throw new DefinitionError('INVALID_DEFINITION', `${what} is ${kindOf(value)}. Give a function.`);
}

/** Whether a value is a codec, for checks of what JavaScript users pass. */
export function isCodec(value: unknown): value is Codec {
  if (!isRecord(value)) return false;
  const { kind, name, encode, decode } = value;
  return kind === 'codec' && typeof name === 'string' && typeof encode === 'function' && typeof decode === 'function';
}

/**
 * Reads an option that is a codec.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function optionalCodec(value: unknown, where: string): Codec | undefined {
  if (value === undefined || isCodec(value)) return value;
  throw new DefinitionError('INVALID_DEFINITION', `${where}: "codec" is ${kindOf(value)}. Make it with codec(), or leave it out.`, {
    details: { where, option: 'codec' },
  });
}

/** The rule of the option `codecs` of a store. */
export const CODECS: OptionRule = {
  accepts: (value) => Array.isArray(value) && value.every(isCodec) && new Set(value.map(({ name }) => name)).size === value.length,
  cure: 'Give a list of codecs that codec() made, each with a name of its own.',
};

/** Codecs by name, of a list in which every name is another. */
export function codecsByName(codecs: readonly Codec[]): Codecs {
  return new Map(codecs.map((each) => [each.name, each]));
}

/** A codec, and what it is given to, in words. */
export interface PlacedCodec {
  readonly codec: Codec | undefined;
  readonly place: string;
}

/**
 * Codecs by name: what is stored says no more of its codec.
 *
 * @throws DefinitionError NAME_CONFLICT for two different ones of one name
 */
export function joinCodecs(placed: readonly PlacedCodec[]): ReadonlyMap<string, Codec> {
  const known = new Map<string, { readonly codec: Codec; readonly place: string }>();
  for (const { codec: given, place } of placed) {
    const other = given === undefined ? undefined : known.get(given.name);
    if (given === undefined || other?.codec === given) continue;
    if (other === undefined) known.set(given.name, { codec: given, place });
    else {
      throw new DefinitionError(
        'NAME_CONFLICT',
        `${other.place} and ${place} have two different codecs named ${quote(given.name)}. Share one codec between them, or rename one.`,
        { details: { codec: given.name, places: [other.place, place] } },
      );
    }
  }
  return new Map([...known].map(([name, each]) => [name, each.codec]));
}
