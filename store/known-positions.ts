import type { Position } from '../lib/events/position.ts';
import { isReadable } from '../lib/events/logged-event.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';
import { eventsSince } from './events-since.ts';
import type { LogReader } from './log-reader.ts';

/** How many keys are remembered. */
const MOST_KEYS = 100_000;

/**
 * Where the events stand that say what readers get of keys, so that they need not be found again: what the log says as of a position never
 * changes, and what came since is read from it. May be thrown away at any time.
 */
export class KnownPositions {
  /** As of the head. A key that nothing was recorded under is at 0. */
  readonly #positions = new Map<AssetKey, Position>();
  #head: Position = 0;

  /** As {@link LogReader.readableAt}. The reader is asked in one transaction. */
  readableAt(reader: LogReader, keys: readonly AssetKey[], at: Position): readonly (Position | undefined)[] {
    const { head } = reader.state();
    this.#catchUp(reader, head);
    if (this.#positions.size + keys.length > MOST_KEYS) this.#positions.clear();
    return keys.map((key) => {
      let position = this.#positions.get(key);
      if (position === undefined) this.#positions.set(key, (position = reader.readableAt(key, head) ?? 0));
      if (position > at) return reader.readableAt(key, at);
      return position === 0 ? undefined : position;
    });
  }

  #catchUp(reader: LogReader, head: Position): void {
    if (this.#head === head) return;
    const events = eventsSince(reader, { after: this.#head, head, remembered: this.#positions.size });
    if (events === undefined) this.#positions.clear();
    for (const event of events ?? [])
      if (isReadable(event) && this.#positions.has(event.key)) this.#positions.set(event.key, event.position);
    this.#head = head;
  }
}
