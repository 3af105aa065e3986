import { acceptBatch } from '../events/accept-batch.ts';
import type { Catalog, CatalogStore } from '../events/catalog.ts';
import type { Address } from '../events/data-version.ts';
import { isMissed, isReadable, type LoggedEvent, type MissedEvent, type ReadableEvent, type StepSettled } from '../events/logged-event.ts';
import { asOf, type Position } from '../events/position.ts';
import { AutomaticRetention } from '../events/automatic-retention.ts';
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
  StoreLimits,
  TraceQuestion,
} from '../events/store-port.ts';
import { checkSizes, DEFAULT_LIMITS } from '../events/value-limits.ts';
import { StoreError } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import { Turns } from '../kernel/turns.ts';
import type { AssetKey } from '../model/asset-key.ts';
import { Kept, UNSUCCESSFUL, type RunPositions } from './kept.ts';
import type { MemoryLog } from './memory-log.ts';
import { mayFindOld, pruneMemory } from './memory-prune.ts';
import { PrunePace } from './prune-pace.ts';

type Settled = StepSettled & { readonly position: Position };

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
  /** Lets the event loop do something else between two pieces of a prune. */
  readonly nextTurn: () => Promise<unknown>;
}

/** Who gives no turns gets none: its prunes only wait for what was promised before. */
const FOR_EVER: Retaining = { rules: false, turns: new Turns(), nextTurn: () => Promise.resolve() };

/** Events are frozen and shared by all readers. Bytes cannot be frozen, so they are copied on the way in and on the way out. */
class MemoryPort implements LivePort, RetentionStore, CatalogStore {
  readonly label = 'memory';
  readonly limits: StoreLimits;
  readonly #watchers = new Set<{ readonly onChange: () => void }>();
  readonly #retention: AutomaticRetention;
  readonly #letGo: () => Promise<void>;
  readonly #pace: PrunePace;
  #kept: Kept | undefined = new Kept();

  constructor(limits: StoreLimits, { rules, turns, nextTurn }: Retaining) {
    this.limits = limits;
    this.#pace = new PrunePace(nextTurn);
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
    const added = batch.events.length + kept.takeAdded();
    this.#pace.added(added);
    this.#retention.added(added);
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
    return pruneMemory(this.#open(), request, () => this.#pace.turn());
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

function event(log: MemoryLog, position: Position): LoggedEvent {
  const found = log.at(position);
  invariant(found !== undefined, 'a position that was noted or is below the head has an event');
  return found;
}
