import { placeConflict, versionConflict } from '../events/append-conflicts.ts';
import type { Catalog } from '../events/catalog.ts';
import type { Address } from '../events/data-version.ts';
import type { NewEvent, RunEnded, RunStarted, StepSettled } from '../events/logged-event.ts';
import type { Position, PositionRef } from '../events/position.ts';
import { addressesOf } from '../events/retention.ts';
import type { AppendBatch, RemovedValue, StoredValue } from '../events/store-port.ts';
import type { AssetKey } from '../model/asset-key.ts';
import { MemoryLog } from './memory-log.ts';
import { NamedBatches } from './named-batches.ts';
import { OutputPositions, PositionLists } from './position-lists.ts';

/** No output has this name: under it stands when its step did not succeed. */
export const UNSUCCESSFUL = '';

/** Where a run stands in the log; `ended` is `null` as long as it has not. */
export interface RunPositions {
  readonly started: Position;
  ended: Position | null;
}

/** What a memory store keeps: the log, and what finds things in it. */
export class Kept {
  readonly log: MemoryLog = new MemoryLog();
  readonly readable: PositionLists<AssetKey> = new PositionLists();
  readonly settled: OutputPositions = new OutputPositions();
  readonly missed: PositionLists<AssetKey> = new PositionLists();
  readonly runs: RunPositions[] = [];
  readonly values: Map<Address, Uint8Array> = new Map();
  readonly removed: Map<Address, RemovedValue> = new Map();
  /** For each prune that is under way, the values that were appended or referred to since it began. */
  readonly touched: Set<Set<Address>> = new Set();
  /** Before this position, a prune has left nothing that was said. */
  saidFrom: Position = 1;
  readonly cursors: Map<string, Position> = new Map();
  readonly offsets: Map<AssetKey, string> = new Map();
  readonly named: NamedBatches = new NamedBatches();
  readonly #runById = new Map<string, RunPositions>();
  #catalog: { readonly names: number; readonly made: Catalog } | undefined;
  #addedValues = 0;

  /** Refuses a batch that expects something else than what is there. */
  check({ expected = [], at }: AppendBatch, label: string): void {
    if (at !== undefined && at !== this.log.head + 1) throw placeConflict(label, at, this.log.head + 1);
    for (const expectation of expected) {
      const found = this.readable.lastAt(expectation.key, this.log.head) ?? 0;
      if (found !== expectation.position) throw versionConflict(label, expectation, found);
    }
  }

  /** Everything that something was recorded under: the same object for as long as there is nothing new. */
  catalog(): Catalog {
    const { readable, missed, settled } = this;
    const names = readable.size + missed.size + settled.size;
    if (this.#catalog?.names !== names) {
      const keys = Object.freeze([...new Set([...readable.keys(), ...missed.keys()])]);
      const outputs = Object.freeze([...settled.ids()].filter(({ output }) => output !== UNSUCCESSFUL));
      this.#catalog = { names, made: Object.freeze({ keys, outputs }) };
    }
    return this.#catalog.made;
  }

  add({ events, values, offsets = [] }: AppendBatch): void {
    let position = this.log.head;
    // The only step that may throw: nothing was added then, and all of the batch is added otherwise.
    this.log.add(events);
    for (const added of events) this.#index(added, (position += 1));
    for (const value of values) this.#keep(value);
    for (const touched of this.touched) for (const address of events.flatMap(addressesOf)) touched.add(address);
    for (const { key, offset } of offsets) this.offsets.set(key, offset);
  }

  /** Where a value is, its pieces are. */
  #keep(value: StoredValue): void {
    const { address } = value;
    for (const touched of this.touched) touched.add(address);
    if (this.values.has(address)) return;
    for (const piece of value.pieces?.() ?? []) this.#keep(piece);
    this.values.set(address, value.bytes.slice());
    this.removed.delete(address);
    this.#addedValues += 1;
  }

  /** How many values have come since this was last asked. */
  takeAdded(): number {
    const added = this.#addedValues;
    this.#addedValues = 0;
    return added;
  }

  #index(added: NewEvent, position: Position): void {
    switch (added.type) {
      case 'step-settled':
        this.#indexStep(added, position);
        break;
      case 'run-started':
      case 'run-ended':
        this.#indexRun(added, position);
        break;
      case 'asset-materialized':
      case 'asset-unchanged':
      case 'asset-absent':
      case 'source-observed':
        this.readable.add(added.key, position);
        break;
      case 'log-line':
      case 'hook-failed':
        // What is only said is found by its position alone.
        break;
      default:
        this.missed.add(added.key, position);
    }
  }

  #indexStep({ outcome, definition, step, outputs, dropped }: StepSettled<PositionRef>, position: Position): void {
    if (outcome === 'cancelled') return;
    if (outcome !== 'succeeded') return this.settled.add({ definition, step, output: UNSUCCESSFUL }, position);
    for (const { output } of outputs) this.settled.add({ definition, step, output }, position);
    for (const output of dropped) this.settled.add({ definition, step, output }, position);
  }

  #indexRun({ type, runId }: RunStarted | RunEnded, position: Position): void {
    if (type === 'run-started') {
      const run: RunPositions = { started: position, ended: null };
      this.runs.push(run);
      this.#runById.set(runId, run);
      return;
    }
    const run = this.#runById.get(runId);
    if (run !== undefined) run.ended = position;
  }
}
