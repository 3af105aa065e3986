import { idempotencyConflict } from '../events/append-conflicts.ts';
import type { Address } from '../events/data-version.ts';
import { atPosition, type LoggedEvent, type NewEvent } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import type { AppendBatch, Appended, SourceOffset } from '../events/store-port.ts';
import { dataVersion } from '../kernel/value/version.ts';
import type { MemoryLog } from './memory-log.ts';

interface NamedBatch {
  readonly first: Position;
  readonly last: Position;
  readonly request: string | undefined;
  readonly addresses: readonly Address[];
  readonly offsets: readonly SourceOffset[];
}

/** The batches that had an id: where they are, and what they are compared by. What their events say is in the log already. */
export class NamedBatches {
  readonly #named = new Map<string, NamedBatch>();

  /**
   * Where the batch is, if it is there.
   *
   * @throws StoreError IDEMPOTENCY_CONFLICT where its id was another one's
   */
  find(batch: AppendBatch, log: MemoryLog, label: string): Appended | undefined {
    const { id } = batch;
    const named = id === undefined ? undefined : this.#named.get(id);
    if (id === undefined || named === undefined) return undefined;
    const { first, last } = named;
    if (!asksForTheSame(batch, named, log)) throw idempotencyConflict(label, id, named);
    return { first, last, duplicate: true };
  }

  /** Keeps where a batch came to stand, if it has an id. */
  add({ id, request, values, offsets = [] }: AppendBatch, { first, last }: { readonly first: Position; readonly last: Position }): void {
    if (id === undefined) return;
    const addresses = values.map(({ address }) => address);
    this.#named.set(id, { first, last, request, addresses, offsets: offsets.map(({ key, offset }) => ({ key, offset })) });
  }
}

function asksForTheSame(batch: AppendBatch, named: NamedBatch, log: MemoryLog): boolean {
  if (batch.request !== undefined || named.request !== undefined) return batch.request === named.request;
  const { first, last, addresses } = named;
  const { events, values, offsets = [] } = batch;
  return (
    events.length === last - first + 1 &&
    values.length === addresses.length &&
    values.every(({ address }, index) => address === addresses[index]) &&
    offsets.length === named.offsets.length &&
    offsets.every(({ key, offset }, index) => key === named.offsets[index]?.key && offset === named.offsets[index].offset) &&
    events.every((event, index) => isSame(event, log.at(first + index), first))
  );
}

/** Whether an event would be the logged one, had it been appended then. */
function isSame(event: NewEvent, logged: LoggedEvent | undefined, first: Position): boolean {
  // Of one that is not kept any more, this is all that is known.
  if (logged?.type === 'removed') return logged.kind === event.type;
  return logged !== undefined && versionOf(atPosition(event, logged.position, first)) === versionOf(logged);
}

function versionOf(event: LoggedEvent): string {
  return dataVersion({ ...event, time: 0 });
}
