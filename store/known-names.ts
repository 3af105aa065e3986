import type { Catalog } from '../lib/events/catalog.ts';
import { isMissed, isReadable, type LoggedEvent } from '../lib/events/logged-event.ts';
import type { Position } from '../lib/events/position.ts';
import type { OutputId } from '../lib/events/store-port.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';
import { eventsSince } from './events-since.ts';
import type { LogReader } from './log-reader.ts';
import type { LogState } from './log-state.ts';
import { nameOf, partsOf, UNSUCCESSFUL, type Name } from './names.ts';

/** How many names are remembered. */
const MOST_NAMES = 200_000;

/** Where a log stood. */
type Then = Pick<LogState, 'head' | 'nextName'>;

/**
 * The names of keys and outputs that a store has, so that they need not be listed again: they never go away. New ones come from the writer
 * of this process, or are read from the log where another process wrote. May be thrown away at any time.
 */
export class KnownNames {
  #names: Set<Name> | undefined;
  #catalog: Catalog | undefined;
  #head: Position = 0;
  #nextName = 0;

  /** The catalog as of now; `undefined` where it has to be listed. The same object for as long as there is nothing new. */
  catalog(reader: LogReader): Catalog | undefined {
    if (this.#names === undefined) return undefined;
    const now = reader.state();
    if (now.nextName !== this.#nextName && !this.#readOn(reader, now)) {
      this.#names = undefined;
      return undefined;
    }
    this.#standAt(now);
    return (this.#catalog ??= catalogOf(this.#names));
  }

  /** Remembers all names that there were then; later ones may be among them. Gives the catalog that they make. */
  learn(names: readonly Name[], then: Then): Catalog {
    const known = new Set(names.filter((name) => !isOfRun(name)));
    const catalog = catalogOf(known);
    if (known.size > MOST_NAMES) return catalog;
    this.#names = known;
    this.#catalog = catalog;
    this.#standAt(then);
    return catalog;
  }

  /** Names that a transaction of this process has given out, in the order of their ids. */
  given(names: ReadonlyMap<Name, number>): void {
    for (const [name, id] of names) {
      // Runs have positions for ids.
      if (isOfRun(name)) continue;
      // Another process has given out some before, which will be read from the log.
      if (id !== this.#nextName) return;
      this.#nextName += 1;
      this.#add(name);
    }
  }

  #add(name: Name): void {
    if (this.#names === undefined || this.#names.has(name)) return;
    this.#names.add(name);
    this.#catalog = undefined;
  }

  #readOn(reader: LogReader, { head }: Then): boolean {
    const events = eventsSince(reader, { after: this.#head, head, remembered: this.#names?.size ?? 0 });
    // Where no event is new, names were given to old ones.
    if (events === undefined || events.length === 0) return false;
    for (const event of events) for (const name of namesIn(event)) this.#add(name);
    return true;
  }

  #standAt({ head, nextName }: Then): void {
    this.#head = head;
    this.#nextName = nextName;
  }
}

function isOfRun(name: Name): boolean {
  return partsOf('run', name) !== undefined;
}

function namesIn(event: LoggedEvent): readonly Name[] {
  if (isReadable(event) || isMissed(event)) return [nameOf('key', event.key)];
  if (event.type !== 'step-settled' || event.outcome !== 'succeeded') return [];
  const { definition, step, outputs, dropped } = event;
  return [...outputs.map(({ output }) => output), ...dropped].map((output) => nameOf('output', definition, step, output));
}

function catalogOf(names: Iterable<Name>): Catalog {
  const keys: AssetKey[] = [];
  const outputs: OutputId[] = [];
  for (const name of names) {
    const [key] = partsOf('key', name) ?? [];
    // Only keys were written as such.
    if (key !== undefined) keys.push(key as AssetKey);
    const [definition, step, output] = partsOf('output', name) ?? [];
    if (definition === undefined || step === undefined || output === undefined || output === UNSUCCESSFUL) continue;
    outputs.push(Object.freeze({ definition, step, output }));
  }
  return Object.freeze({ keys: Object.freeze(keys), outputs: Object.freeze(outputs) });
}
