import type { LoggedEvent, NewEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { LivePort } from '../../lib/events/store-port.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Clock } from '../step/clock.ts';
import { applyItems, type Applied } from './apply-items.ts';
import type { Commits } from './commits.ts';
import type { Engine } from './engine.ts';
import type { Feed } from './feed.ts';
import type { Item } from './intake.ts';
import type { EpochWork, SettledEpoch } from './epoch-work.ts';
import { readOffsetsAnew } from './live-sources.ts';
import { changesIn, type EpochReport, type Publication } from './publication.ts';
import { reportOf } from './report.ts';

/** What epochs are run with. */
export interface EpochRunnerParts {
  readonly port: LivePort;
  readonly clock: Clock;
  readonly feeds: ReadonlyMap<AssetKey, Feed>;
  readonly commits: Commits;
  readonly publication: Publication;
  /** By source: the offset of the last item that was applied. */
  readonly offsets: Map<AssetKey, string>;
  /** Told when another service has applied items. */
  readonly onAppliedBeside: () => void;
}

/** An engine, and what its first epoch logs and does. */
export interface Opened {
  readonly engine: Engine;
  readonly head: readonly NewEvent[];
  /** What sources start with that the log does not have, and the items that this came of. */
  readonly applied: Applied;
}

/** An epoch that is to be run, and what it is told as. */
interface Round extends Partial<Omit<EpochWork, 'marked'>> {
  readonly marked: Iterable<number>;
  readonly cause: EpochReport['cause'];
  readonly applied?: Applied;
  /** What somebody else has logged, and this epoch brings up to date. */
  readonly beside?: readonly LoggedEvent[];
}

const NONE: ReadonlySet<number> = new Set();
const PAGE = 1000;

/** Runs one epoch after the other, each from whatever it starts with to those who watch. To be asked only with the turn on the store. */
export class EpochRunner {
  readonly #parts: EpochRunnerParts;
  readonly #onEpoch: (report: EpochReport) => void;
  #engine: Engine | undefined;

  /** @param onEpoch told of each epoch when it has settled */
  constructor(parts: EpochRunnerParts, onEpoch: (report: EpochReport) => void) {
    this.#parts = parts;
    this.#onEpoch = onEpoch;
  }

  /** What lives now; `undefined` before the first epoch. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** Goes on with an engine, whose first epoch looks at every step. `before` is what the one before has left to log. */
  async enter({ engine, head, applied }: Opened, before: readonly NewEvent[]): Promise<void> {
    const { port, offsets } = this.#parts;
    if (before.length > 0) await port.append({ events: before, values: [] });
    engine.graph.startAt((await port.head()) + 1, this.#engine?.graph.epoch ?? 0);
    this.#engine = engine;
    for (const { key, offset } of applied.offsets) offsets.set(key, offset);
    this.#tellRepeats(applied);
    const marked = engine.plan.steps.map(({ index }) => index);
    await this.#run({ cause: 'start', head, observed: applied.observed, marked, first: true, applied });
  }

  /** An epoch of items. */
  async takeItems(items: readonly Item[]): Promise<void> {
    const { feeds, offsets } = this.#parts;
    const now = this.#engine?.graph;
    if (now === undefined) return;
    const applied = await applyItems(items, { now, feeds, offsets });
    this.#tellRepeats(applied);
    if (applied.taken.length > 0) await this.#run({ cause: 'items', observed: applied.observed, marked: NONE, applied });
  }

  #tellRepeats({ duplicates }: Applied): void {
    if (duplicates.length === 0) return;
    // What they repeat may not be on disk yet, and may never be.
    this.#parts.commits.written().then(
      () => {
        for (const item of duplicates) item.settle({ outcome: 'duplicate', epoch: undefined, position: undefined });
      },
      (error: unknown) => failAll(duplicates, error),
    );
  }

  /** An epoch in which failed steps are tried again. */
  async retry(): Promise<void> {
    const failed = new Set(this.#engine?.graph.failed);
    if (failed.size > 0) await this.#run({ cause: 'retry', marked: failed, retried: failed });
  }

  /** Takes over what others have written since this service had the turn, and brings up to date what that touches. */
  async catchUp(): Promise<void> {
    const { port, commits } = this.#parts;
    const engine = this.#engine;
    // What this service has settled is not all in the log yet: then nobody else has written either.
    if (engine === undefined || commits.inFlight > 0) return;
    const head = await port.head();
    if (head < engine.graph.next) return;
    const { marked, beside } = await this.#adopt(engine, head);
    if (marked.size > 0 || beside.length > 0) await this.#run({ cause: 'beside', marked, beside });
  }

  async #adopt(
    { graph, seen }: Engine,
    head: Position,
  ): Promise<Required<Pick<Round, 'beside'>> & { readonly marked: ReadonlySet<number> }> {
    const { offsets, onAppliedBeside } = this.#parts;
    const beside: LoggedEvent[] = [];
    const marked = new Set<number>();
    const read = new Set<AssetKey>();
    while (graph.next <= head) {
      const events = await seen.read(graph.next, Math.min(PAGE, head + 1 - graph.next));
      for (const step of graph.adopt(events)) marked.add(step);
      for (const event of events) {
        if (event.type === 'asset-materialized' || event.type === 'asset-absent') beside.push(event);
        if (event.type === 'source-observed' && event.offset !== null) read.add(event.key);
      }
    }
    // Another service may have applied items of the same origin.
    if (read.size > 0) {
      await readOffsetsAnew([...read], { seen, offsets });
      onAppliedBeside();
    }
    return { marked, beside };
  }

  async #run({ cause, applied, beside = [], ...work }: Round): Promise<void> {
    const { clock, commits } = this.#parts;
    const engine = this.#engine;
    if (engine === undefined) return;
    const elapsed = clock.monotonic ?? clock.now;
    const since = elapsed();
    const taken = applied?.taken ?? [];
    const head = [...(work.head ?? []), ...engine.takeBetween()];
    let settled: SettledEpoch | undefined;
    try {
      settled = await engine.graph.run({ observed: [], retried: NONE, first: false, ...work, head });
    } catch (error) {
      failAll(taken, error);
      throw error;
    }
    if (settled === undefined) return failAll(taken, serviceClosed());
    const durable = commits.add({ ...settled.batch, ...(applied !== undefined && { offsets: applied.offsets }) }, taken.length > 0);
    // Heard when it is published; until then nobody listens.
    durable.catch(() => undefined);
    await this.#publish(engine, settled, { cause, taken, beside, tookMs: elapsed() - since, durable });
  }

  async #publish(engine: Engine, settled: SettledEpoch, { cause, taken, beside, tookMs, durable }: Published): Promise<void> {
    const { publication } = this.#parts;
    const events = beside.length === 0 ? settled.events : [...beside, ...settled.events];
    const changes = await changesIn(events, settled, {
      watches: (key) => engine.has(key) && publication.watches(key),
      slotOf: (key) => engine.graph.slotOf(key),
    }).catch((error: unknown) => {
      failAll(taken, error);
      throw error;
    });
    const besideKeys = beside.flatMap((event) => (event.type === 'asset-materialized' && engine.has(event.key) ? event.key : []));
    const told = { report: reportOf(settled, { cause, items: taken.length, tookMs, beside: besideKeys }), changes };
    publication.tell('settled', told);
    this.#onEpoch(told.report);
    const { number: epoch, position } = settled;
    durable.then(
      () => {
        engine.recorded(settled);
        publication.tell('durable', told);
        for (const item of taken) item.settle({ outcome: 'applied', epoch, position });
      },
      (error: unknown) => failAll(taken, error),
    );
  }
}

/** What is told of an epoch that has settled. */
interface Published {
  readonly cause: EpochReport['cause'];
  readonly taken: readonly Item[];
  readonly beside: readonly LoggedEvent[];
  readonly tookMs: number;
  readonly durable: Promise<void>;
}

/** Tells items that they cannot be applied. */
export function failAll(items: readonly Item[], error: unknown): void {
  for (const item of items) item.fail(error);
}

/** The refusal of what is asked of a service that is closed, or was before it could be done. */
export function serviceClosed(): SelectionError {
  return new SelectionError('SERVICE_CLOSED', 'This live service is closed. Start another one with live().');
}
