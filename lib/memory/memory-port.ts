import { acceptBatch } from '../events/accept-batch.ts';
import type { Address } from '../events/data-version.ts';
import { isReadable, type LoggedEvent, type NewEvent, type ReadableEvent, type StepSettled } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import type { AppendBatch, LivePort, LoggedRun, OutputId } from '../events/store-port.ts';
import { StoreError } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import type { AssetKey } from '../model/asset-key.ts';
import { MemoryLog } from './memory-log.ts';
import { OutputPositions, PositionLists } from './position-lists.ts';

type Settled = StepSettled & { readonly position: Position };

interface RunPositions {
  readonly started: Position;
  ended: Position | null;
}

/** A store that is there as long as the process keeps it, in arrays and maps. Nothing in it waits: a call is done when it returns. */
export function memoryPort(): LivePort {
  return new MemoryPort();
}

/** Events are frozen and shared by all readers. Bytes cannot be frozen, so they are copied on the way in and on the way out. */
class MemoryPort implements LivePort {
  readonly label = 'memory';
  readonly #watchers = new Set<{ readonly onChange: () => void }>();
  #kept: Kept | undefined = new Kept();

  async append(batch: AppendBatch): Promise<{ readonly first: Position; readonly last: Position }> {
    const kept = this.#open();
    acceptBatch(batch);
    const first = kept.log.head + 1;
    kept.add(batch);
    this.#changed();
    return { first, last: kept.log.head };
  }

  async head(): Promise<Position> {
    return this.#open().log.head;
  }

  async read(from: Position, limit: number): Promise<readonly LoggedEvent[]> {
    const { log } = this.#open();
    const start = Math.max(from, 1);
    const count = Math.max(0, Math.min(limit, log.head + 1 - start));
    return Object.freeze(Array.from({ length: count }, (_, index) => event(log, start + index)));
  }

  async readable(keys: readonly AssetKey[], at: Position): Promise<readonly (ReadableEvent | undefined)[]> {
    const { log, readable } = this.#open();
    const find = (key: AssetKey): ReadableEvent | undefined => {
      const found = log.at(readable.lastAt(key, at) ?? 0);
      return found !== undefined && isReadable(found) ? found : undefined;
    };
    return Object.freeze(keys.map(find));
  }

  async lastSettled(outputs: readonly OutputId[], at: Position): Promise<readonly (Settled | undefined)[]> {
    const { log, settled } = this.#open();
    const find = (output: OutputId): Settled | undefined => {
      const found = log.at(settled.lastAt(output, at) ?? 0);
      return found?.type === 'step-settled' ? found : undefined;
    };
    return Object.freeze(outputs.map(find));
  }

  async runs(): Promise<readonly LoggedRun[]> {
    const { log, runs } = this.#open();
    const find = (positions: RunPositions): LoggedRun => {
      const started = event(log, positions.started);
      const ended = positions.ended === null ? undefined : event(log, positions.ended);
      invariant(started.type === 'run-started', 'a run starts where it was noted to start');
      return Object.freeze({ started, ended: ended?.type === 'run-ended' ? ended : null });
    };
    return Object.freeze(runs.map(find));
  }

  async values(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]> {
    const { values } = this.#open();
    return Object.freeze(addresses.map((address) => values.get(address)?.slice()));
  }

  async cursor(name: string): Promise<Position | undefined> {
    return this.#open().cursors.get(name);
  }

  async setCursor(name: string, position: Position): Promise<void> {
    this.#open().cursors.set(name, position);
  }

  watch(onChange: () => void): () => void {
    this.#open();
    // An object of its own: one function may watch twice.
    const watcher = { onChange };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  async close(): Promise<void> {
    this.#kept = undefined;
    this.#changed();
    this.#watchers.clear();
  }

  #changed(): void {
    for (const { onChange } of this.#watchers) onChange();
  }

  #open(): Kept {
    if (this.#kept === undefined)
      throw new StoreError(
        'STORE_CLOSED',
        'This memory store was closed, and what was in it is gone. Use it before "close", or make another.',
      );
    return this.#kept;
  }
}

/** The log, and what finds things in it. */
class Kept {
  readonly log = new MemoryLog();
  readonly readable = new PositionLists<AssetKey>();
  readonly settled = new OutputPositions();
  readonly runs: RunPositions[] = [];
  readonly values = new Map<Address, Uint8Array>();
  readonly cursors = new Map<string, Position>();
  readonly #runById = new Map<string, RunPositions>();

  add({ events, values }: AppendBatch): void {
    let position = this.log.head;
    // The only step that may throw: nothing was added then, and all of the batch is added otherwise.
    this.log.add(events);
    for (const added of events) this.#index(added, (position += 1));
    for (const { address, bytes } of values) {
      if (!this.values.has(address)) this.values.set(address, bytes.slice());
    }
  }

  #index(added: NewEvent, position: Position): void {
    if (added.type === 'step-settled') {
      if (added.outcome !== 'succeeded') return;
      for (const { output } of added.outputs) this.settled.add({ definition: added.definition, step: added.step, output }, position);
    } else if (added.type === 'run-started') {
      const run: RunPositions = { started: position, ended: null };
      this.runs.push(run);
      this.#runById.set(added.runId, run);
    } else if (added.type === 'run-ended') {
      const run = this.#runById.get(added.runId);
      if (run !== undefined) run.ended = position;
    } else if (
      added.type === 'asset-materialized' ||
      added.type === 'asset-unchanged' ||
      added.type === 'asset-absent' ||
      added.type === 'source-observed'
    ) {
      this.readable.add(added.key, position);
    }
  }
}

function event(log: MemoryLog, position: Position): LoggedEvent {
  const found = log.at(position);
  invariant(found !== undefined, 'a position that was noted or is below the head has an event');
  return found;
}
