import { DefinitionError } from '../kernel/errors.ts';
import { isClass, kindOf, quote } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { readKeyAliases } from './aliases.ts';
import { assetKey, type AssetKey, type KeyLike, type PrintedKey } from './asset-key.ts';
import { readNotes, type AssetNotes } from './asset-notes.ts';
import { optionalCodec, type Codec } from './codec.ts';
import { checkOptions, type Fields } from './options.ts';

declare const sourceType: unique symbol;

/** What a source's `read` is told. */
export interface SourceContext {
  /** Aborted when nobody waits for the value any longer. */
  readonly signal: AbortSignal;
}

/** Options of {@link source}. */
export interface SourceOptions<T> extends AssetNotes {
  /** Called once a run that reads the source, before its first step; an equal value writes nothing (D7). */
  readonly read?: (context: SourceContext) => T | Promise<T>;
  /** How its values are stored, for what is no plain data or has bytes of its own. */
  readonly codec?: Codec<T>;
  /** Keys that it had before: what a store has under them goes on under this one. */
  readonly aliases?: readonly KeyLike[];
}

/** An asset that nothing here computes: its value comes from outside. `Key` is its printed key, where that is known to the compiler. */
export interface SourceDefinition<T = unknown, Key extends string = string> {
  readonly kind: 'source';
  readonly name: string;
  readonly key: AssetKey;
  readonly read: ((context: SourceContext) => unknown) | undefined;
  readonly codec: Codec | undefined;
  readonly aliases: readonly AssetKey[];
  readonly notes: AssetNotes;
  readonly [sourceType]?: { readonly value: T; readonly key: Key };
}

const SOURCE_FIELDS: Fields<SourceOptions<unknown>> = {
  read: true,
  codec: true,
  aliases: true,
  group: true,
  description: true,
  metadata: true,
};

/**
 * Declares an asset that comes from outside: by `store.put`, by `sources` on a verb, or by its own `read`.
 *
 * @throws DefinitionError INVALID_KEY, INVALID_DEFINITION
 */
export function source<T = unknown, const K extends KeyLike = KeyLike>(
  key: K,
  options: SourceOptions<T> = {},
): SourceDefinition<T, PrintedKey<K>> {
  const checked = assetKey(key, 'source()');
  const where = `source ${quote(checked)}`;
  checkOptions(options, SOURCE_FIELDS, where);
  const { read, codec, aliases, ...notes } = options;
  if (read !== undefined && (typeof read !== 'function' || isClass(read))) {
    throw new DefinitionError('INVALID_DEFINITION', `${where}: "read" is ${kindOf(read)}. Give a function that returns the value.`, {
      details: { key: checked },
    });
  }
  return Object.freeze({
    kind: 'source',
    name: checked,
    key: checked,
    read,
    codec: optionalCodec(codec, where),
    aliases: readKeyAliases(aliases, where),
    notes: Object.freeze(readNotes(notes, where)),
  });
}

/** Whether a value is a source, for checks of what JavaScript users pass. */
export function isSource(value: unknown): value is SourceDefinition {
  if (!isRecord(value)) return false;
  const { kind, key, notes, aliases } = value;
  return kind === 'source' && typeof key === 'string' && isRecord(notes) && Array.isArray(aliases);
}
