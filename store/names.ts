import { hash } from 'node:crypto';
import { corrupt, openRecord, record } from './record.ts';
import type { Tables } from './tables.ts';

/** What a name is the name of. Persisted. */
export type NameKind = 'key' | 'output' | 'run';

/** A name as the table keeps it: unambiguous whatever the parts are made of, and well-formed where they are not. */
export type Name = string;

/** No output has this name: under it stands, in `settled`, when its step did not succeed. Persisted. */
export const UNSUCCESSFUL = '';

/** How many ids are kept in memory. They never change once committed, so forgetting them only costs time. */
const KNOWN_IDS = 100_000;

/** The name of a thing. */
export function nameOf(kind: NameKind, ...parts: readonly string[]): Name {
  return JSON.stringify([kind, ...parts]);
}

/** The parts of a name, if it is one of that kind. */
export function partsOf(kind: NameKind, name: Name): readonly string[] | undefined {
  if (!name.startsWith(`["${kind}"`)) return undefined;
  // Names are made by nameOf alone.
  const [, ...parts] = JSON.parse(name) as readonly string[];
  return parts;
}

/** How much is kept in memory that was made of names. */
const MOST_MADE = 20_000;

/**
 * What was made of names before. To make a name, or to look one up by a text that was made anew, costs more than all else about a row of an
 * index; the parts are mostly the same few strings, whose hashes are known.
 */
export class MadeOfNames<Made> {
  readonly #make: (name: Name) => Made;
  readonly #keys = new Map<string, Made>();
  readonly #outputs = new Map<string, Map<string, Map<string, Made>>>();
  #size = 0;

  constructor(make: (name: Name) => Made) {
    this.#make = make;
  }

  /** Of a key of an asset or a source. */
  key(key: string): Made {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const made = this.#made(nameOf('key', key));
    this.#keys.set(key, made);
    return made;
  }

  /** Of an output of a step. */
  output(definition: string, step: string, output: string): Made {
    const known = this.#outputs.get(definition)?.get(step)?.get(output);
    if (known !== undefined) return known;
    const made = this.#made(nameOf('output', definition, step, output));
    const steps = this.#outputs.get(definition) ?? new Map<string, Map<string, Made>>();
    const outputs = steps.get(step) ?? new Map<string, Made>();
    this.#outputs.set(definition, steps.set(step, outputs.set(output, made)));
    return made;
  }

  #made(name: Name): Made {
    if (this.#size >= MOST_MADE) {
      this.#keys.clear();
      this.#outputs.clear();
      this.#size = 0;
    }
    this.#size += 1;
    return this.#make(name);
  }
}

/**
 * Short numbers for long names, so that indices are small, and keys as long as anybody likes. The table's key is the hash of the
 * name: LMDB's keys are limited in length, and names are not.
 */
export class Names {
  readonly #known = new Map<Name, number>();
  /** Given out by a transaction that has not committed. */
  readonly #fresh = new Map<Name, number>();
  readonly #label: string;
  readonly #onGiven: (names: ReadonlyMap<Name, number>) => void;

  /** @param onGiven told of the names that a committed transaction gave out, in the order of their ids */
  constructor(label: string, onGiven: (names: ReadonlyMap<Name, number>) => void = () => undefined) {
    this.#label = label;
    this.#onGiven = onGiven;
  }

  /** The id of a name, if it has one. */
  find(tables: Tables, name: Name): number | undefined {
    const known = (this.#fresh.size > 0 ? this.#fresh.get(name) : undefined) ?? this.#known.get(name);
    if (known !== undefined) return known;
    const key = keyOf(name);
    const bytes = tables.names.get(key);
    if (bytes === undefined) return undefined;
    const place = { table: 'names', key, label: this.#label } as const;
    // The checksum held: this is what set wrote.
    const [id, written] = openRecord(bytes, place) as readonly [number, Name];
    if (written !== name) throw corrupt(place, 'belongs to another name');
    this.#remember(name, id);
    return id;
  }

  /** Names, in the order of the table, from behind `after` on, at most `limit`; `next` is where the following ones are. */
  page(tables: Tables, after: Buffer | undefined, limit: number): { readonly names: readonly Name[]; readonly next: Buffer | undefined } {
    const names: Name[] = [];
    let last: Buffer | undefined;
    // The first key behind another one is that with a byte more.
    const range = after === undefined ? { limit } : { start: Buffer.concat([after, Buffer.of(0)]), limit };
    for (const { key, value } of tables.names.getRange(range)) {
      // The checksum held: this is what set wrote.
      const [id, name] = openRecord(value, { table: 'names', key, label: this.#label }) as readonly [number, Name];
      // Who lists them asks for most of them next; what is known already is not forgotten for it.
      if (this.#known.size < KNOWN_IDS) this.#known.set(name, id);
      names.push(name);
      last = key;
    }
    return { names, next: names.length < limit ? undefined : last };
  }

  /** Gives a name its id, inside of a transaction. */
  set(tables: Tables, name: Name, id: number): void {
    const key = keyOf(name);
    tables.names.putSync(key, record('names', key, [id, name]));
    this.#fresh.set(name, id);
  }

  /** To be told how a transaction ended: an id that was rolled back will be given to another name. */
  settle(committed: boolean): void {
    if (committed) for (const [name, id] of this.#fresh) this.#remember(name, id);
    if (committed) this.#onGiven(this.#fresh);
    this.#fresh.clear();
  }

  #remember(name: Name, id: number): void {
    if (this.#known.size >= KNOWN_IDS) this.#known.clear();
    this.#known.set(name, id);
  }
}

function keyOf(name: Name): Buffer {
  return hash('sha256', name, 'buffer');
}
