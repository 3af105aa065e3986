import { acceptBatch } from '../events/accept-batch.ts';
import { placeConflict, versionConflict } from '../events/append-conflicts.ts';
import type { Catalog, CatalogStore } from '../events/catalog.ts';
import type { Address } from '../events/data-version.ts';
import {
  isMissed,
  isReadable,
  type LoggedEvent,
  type MissedEvent,
  type NewEvent,
  type ReadableEvent,
  type RunEnded,
  type RunStarted,
  type StepSettled,
} from '../events/logged-event.ts';
import { asOf, type Position, type PositionRef } from '../events/position.ts';
import { AutomaticRetention } from '../events/automatic-retention.ts';
import { addressesOf } from '../events/retention.ts';
import type { RetentionRules } from '../events/retention-options.ts';
import type {
  AppendBatch,
  Appended,
  LivePort,
  LoggedRun,
  PruneReport,
  PruneRequest,
  RemovedValue,
  RetentionStore,
  StepId,
  StoredValue,
  StoreLimits,
  TraceQuestion,
} from '../events/store-port.ts';
import { checkSizes, DEFAULT_LIMITS } from '../events/value-limits.ts';
import { StoreError } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import { Turns } from '../kernel/turns.ts';
import type { AssetKey } from '../model/asset-key.ts';
import { MemoryLog } from './memory-log.ts';
import { mayFindOld, pruneMemory } from './memory-prune.ts';
import { NamedBatches } from './named-batches.ts';
import { OutputPositions, PositionLists } from './position-lists.ts';

/** No output has this name: under it stands when its step did not succeed. */
const UNSUCCESSFUL = '';

type Settled = StepSettled & { readonly position: Position };

interface RunPositions {
  readonly started: Position;
  ended: Position | null;
}

/** A store that is there as long as the process keeps it, in arrays and maps. Nothing in it waits: a call is done when it returns. */
export function memoryPort(
  limits: StoreLimits = DEFAULT_LIMITS,
  retaining: Retaining = FOR_EVER,
): LivePort & RetentionStore & CatalogStore {
  return new MemoryPort(limits, retaining);
}

/** How a memory store forgets by itself, and the turns of those who run on it. */
export interface Retaining {
  readonly rules: RetentionRules | false;
  readonly turns: Turns;
}

const FOR_EVER: Retaining = { rules: false, turns: new Turns() };

/** Events are frozen and shared by all readers. Bytes cannot be frozen, so they are copied on the way in and on the way out. */
class MemoryPort implements LivePort, RetentionStore, CatalogStore {
  readonly label = 'memory';
  readonly limits: StoreLimits;
  readonly #watchers = new Set<{ readonly onChange: () => void }>();
  readonly #retention: AutomaticRetention;
  readonly #letGo: () => Promise<void>;
  #kept: Kept | undefined = new Kept();

  constructor(limits: StoreLimits, { rules, turns }: Retaining) {
    this.limits = limits;
    this.#retention = new AutomaticRetention({
      turns,
      prune: (request) => this.prune(request),
      backlog: () => Promise.resolve({ added: 0, rows: 0 }),
      mayFind: (rules) => this.#kept !== undefined && mayFindOld(this.#kept, rules),
    });
    this.#letGo = this.#retention.join(rules);
  }

  async append(batch: AppendBatch): Promise<Appended> {
    const kept = this.#open();
    acceptBatch(batch);
    checkSizes(batch, this.limits);
    const earlier = kept.named.find(batch, kept.log, this.label);
    if (earlier !== undefined) return earlier;
    kept.check(batch, this.label);
    const first = kept.log.head + 1;
    kept.add(batch);
    const last = kept.log.head;
    kept.named.add(batch, { first, last });
    this.#changed();
    this.#retention.added(batch.events.length + kept.takeAdded());
    return { first, last, duplicate: false };
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

  async readableAt(keys: readonly AssetKey[], at: Position): Promise<readonly (Position | undefined)[]> {
    const { readable } = this.#open();
    return Object.freeze(keys.map((key) => readable.lastAt(key, at)));
  }

  async lastSettled(outputs: readonly TraceQuestion[], at: Position): Promise<readonly (Settled | undefined)[]> {
    const { log, settled } = this.#open();
    const find = (output: TraceQuestion): Settled | undefined => {
      const found = log.at(settled.lastAt(output, asOf(output, at)) ?? 0);
      return found?.type === 'step-settled' && found.outputs.some((each) => each.output === output.output) ? found : undefined;
    };
    return Object.freeze(outputs.map(find));
  }

  async lastUnsuccessful(steps: readonly StepId[], at: Position): Promise<readonly (Settled | undefined)[]> {
    const { log, settled } = this.#open();
    const find = (step: StepId): Settled | undefined => {
      const found = log.at(settled.lastAt({ ...step, output: UNSUCCESSFUL }, at) ?? 0);
      return found?.type === 'step-settled' ? found : undefined;
    };
    return Object.freeze(steps.map(find));
  }

  async offsets(keys: readonly AssetKey[]): Promise<readonly (string | undefined)[]> {
    const { offsets } = this.#open();
    return Object.freeze(keys.map((key) => offsets.get(key)));
  }

  async missed(keys: readonly AssetKey[], at: Position): Promise<readonly (MissedEvent | undefined)[]> {
    const { log, missed } = this.#open();
    const find = (key: AssetKey): MissedEvent | undefined => {
      const found = log.at(missed.lastAt(key, at) ?? 0);
      return found !== undefined && isMissed(found) ? found : undefined;
    };
    return Object.freeze(keys.map(find));
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

  async has(addresses: readonly Address[]): Promise<readonly boolean[]> {
    const { values } = this.#open();
    return Object.freeze(addresses.map((address) => values.has(address)));
  }

  async removed(addresses: readonly Address[]): Promise<readonly (RemovedValue | undefined)[]> {
    const { removed } = this.#open();
    return Object.freeze(addresses.map((address) => removed.get(address)));
  }

  async catalog(): Promise<Catalog> {
    return this.#open().catalog();
  }

  async prune(request: PruneRequest): Promise<PruneReport> {
    return pruneMemory(this.#open(), request);
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
    const isOver = this.#letGo();
    this.#kept = undefined;
    this.#changed();
    this.#watchers.clear();
    await isOver;
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
  readonly missed = new PositionLists<AssetKey>();
  readonly runs: RunPositions[] = [];
  readonly values = new Map<Address, Uint8Array>();
  readonly removed = new Map<Address, RemovedValue>();
  /** For each prune that is under way, the values that were appended or referred to since it began. */
  readonly touched = new Set<Set<Address>>();
  /** Before this position, a prune has left nothing that was said. */
  saidFrom: Position = 1;
  readonly cursors = new Map<string, Position>();
  readonly offsets = new Map<AssetKey, string>();
  readonly named = new NamedBatches();
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

function event(log: MemoryLog, position: Position): LoggedEvent {
  const found = log.at(position);
  invariant(found !== undefined, 'a position that was noted or is below the head has an event');
  return found;
}
