import type { Address } from '../lib/events/data-version.ts';
import {
  isMissed,
  isReadable,
  type LoggedEvent,
  type MissedEvent,
  type ReadableEvent,
  type StepSettled,
} from '../lib/events/logged-event.ts';
import { asOf, type Position } from '../lib/events/position.ts';
import type { RunSpan } from '../lib/events/retention.ts';
import type { LoggedRun, OutputId, RemovedValue, StepId, TraceQuestion } from '../lib/events/store-port.ts';
import { quote } from '../lib/kernel/print.ts';
import type { AssetKey } from '../lib/model/asset-key.ts';
import { eventFrom } from './event-decoder.ts';
import { readState, type LogState } from './log-state.ts';
import { nameOf, UNSUCCESSFUL, type Name, type Names } from './names.ts';
import { readOffset } from './offsets.ts';
import { corrupt, openRecord } from './record.ts';
import { lastInIndex, laterTable, positionKey, positionOf, type Table, type Tables } from './tables.ts';
import { readBytes } from './value-reader.ts';
import { valueKey, valueRowAt } from './value-rows.ts';

type Settled = StepSettled & { readonly position: Position };

/**
 * Reads the tables, and checks what they say against each other: an index names an event, and the event must be the one that was
 * asked for. Every method throws STORE_CORRUPT rather than give something wrong.
 */
export class LogReader {
  readonly #tables: Tables;
  readonly #names: Names;
  readonly #label: string;

  constructor(tables: Tables, names: Names, label: string) {
    this.#tables = tables;
    this.#names = names;
    this.#label = label;
  }

  /** Where the log stands. */
  state(): LogState {
    return readState(this.#tables, this.#label);
  }

  /** Events from a position on, without a gap, at most `limit`. */
  events(from: Position, limit: number): readonly LoggedEvent[] {
    const events: LoggedEvent[] = [];
    for (const { key, value } of this.#tables.events.getRange({ start: positionKey(from), limit })) {
      const position = positionOf(key);
      if (position !== from + events.length) throw this.#corruptEvent(from + events.length, 'is missing');
      events.push(this.#open(value, key, position));
    }
    // A damaged page can end a range before its time, and say nothing.
    const next = from + events.length;
    if (events.length < limit && next <= this.state().head) throw this.#corruptEvent(next, 'cannot be reached');
    return events;
  }

  /** What readers get of a key as of a position. */
  readable(key: AssetKey, at: Position): ReadableEvent | undefined {
    const event = this.#found(this.#tables.readable, nameOf('key', key), at);
    if (event === undefined) return undefined;
    if (!isReadable(event) || event.key !== key)
      throw this.#corruptEvent(event.position, `is not about ${quote(key)}, and an index says that it is`);
    return event;
  }

  /** Where the event stands that says what readers get of a key as of a position. */
  readableAt(key: AssetKey, at: Position): Position | undefined {
    return this.#positionIn(this.#tables.readable, nameOf('key', key), at);
  }

  /** The last settled step that succeeded with this output in need. */
  lastSettled({ definition, step, output, before }: TraceQuestion, at: Position): Settled | undefined {
    const event = this.#settled({ definition, step, output }, asOf({ before }, at));
    return event?.outputs.some((each) => each.output === output) === true ? event : undefined;
  }

  /** The last time that a step settled and did not succeed. */
  lastUnsuccessful(step: StepId, at: Position): Settled | undefined {
    const event = this.#settled({ ...step, output: UNSUCCESSFUL }, at);
    if (event?.outcome === 'succeeded' || event?.outcome === 'cancelled')
      throw this.#corruptEvent(event.position, `tells of a step that ${event.outcome}, and an index says that it did neither`);
    return event;
  }

  /** The last event that told that an asset did not come. */
  missed(key: AssetKey, at: Position): MissedEvent | undefined {
    const index = laterTable(this.#tables, 'missed');
    const event = index === undefined ? undefined : this.#found(index, nameOf('key', key), at);
    if (event === undefined) return undefined;
    if (!isMissed(event) || event.key !== key)
      throw this.#corruptEvent(event.position, `does not say that ${quote(key)} did not come, and an index says that it does`);
    return event;
  }

  /** Everything that has a name, a page at a time: see {@link Names.page}. */
  names(after: Buffer | undefined, limit: number): ReturnType<Names['page']> {
    return this.#names.page(this.#tables, after, limit);
  }

  /** Runs that started at `from` or later, oldest first. */
  runs(from: Position, limit: number): readonly LoggedRun[] {
    // All rows first: what is read in the loop would move the cursor under it.
    return [...this.#tables.runs.getRange({ start: positionKey(from), limit })].map((row) => {
      const { started, ended } = this.#span(row);
      return this.#run(started, ended);
    });
  }

  /** Runs that started at `at` or before, newest first, with where they ended. */
  runsBefore(at: Position, limit: number): readonly RunSpan[] {
    return [...this.#tables.runs.getRange({ start: positionKey(at), reverse: true, limit })].map((row) => {
      const { started, ended } = this.#span(row);
      return { started: this.#start(started), ended };
    });
  }

  /** The bytes at an address, which are proven to be the ones by their hash; `undefined` where they are not kept. */
  value(address: Address): Uint8Array | undefined {
    return readBytes({ tables: this.#tables, label: this.#label }, valueKey(address));
  }

  /** Whether a value is kept. */
  has(address: Address): boolean {
    const row = valueRowAt(this.#tables.values, valueKey(address), this.#label);
    return row !== undefined && row.kind !== 'removed';
  }

  /** What is known of a value that was removed. */
  removed(address: Address): RemovedValue | undefined {
    const row = valueRowAt(this.#tables.values, valueKey(address), this.#label);
    if (row?.kind !== 'removed') return undefined;
    const { reason, size, head } = row;
    return Object.freeze({ reason, size, head });
  }

  /** How far a source was read. */
  offset(key: AssetKey): string | undefined {
    return readOffset(this.#tables, key, this.#label);
  }

  #span({ key, value }: { readonly key: Buffer; readonly value: Buffer }): { readonly started: Position; readonly ended: Position | null } {
    // The checksum held: this is what putRun wrote.
    const [ended] = openRecord(value, { table: 'runs', key, label: this.#label }) as readonly [Position];
    return { started: positionOf(key), ended: ended === 0 ? null : ended };
  }

  #start(position: Position): RunSpan['started'] {
    const started = this.#event(position);
    if (started.type !== 'run-started') throw this.#corruptEvent(position, 'does not start a run, and an index says that it does');
    return started;
  }

  #run(startedAt: Position, endedAt: Position | null): LoggedRun {
    const started = this.#start(startedAt);
    if (endedAt === null) return Object.freeze({ started, ended: null });
    const ended = this.#event(endedAt);
    if (ended.type !== 'run-ended' || ended.runId !== started.runId)
      throw this.#corruptEvent(endedAt, `does not end the run ${quote(started.runId)}, and an index says that it does`);
    return Object.freeze({ started, ended });
  }

  #settled({ definition, step, output }: OutputId, at: Position): Settled | undefined {
    const event = this.#found(this.#tables.settled, nameOf('output', definition, step, output), at);
    if (event === undefined) return undefined;
    if (event.type !== 'step-settled' || event.definition !== definition || event.step !== step)
      throw this.#corruptEvent(event.position, `is not about the step ${quote(`${definition}:${step}`)}, and an index says that it is`);
    return event;
  }

  #found(index: Table, name: Name, at: Position): LoggedEvent | undefined {
    const position = this.#positionIn(index, name, at);
    return position === undefined ? undefined : this.#event(position);
  }

  #positionIn(index: Table, name: Name, at: Position): Position | undefined {
    const id = this.#names.find(this.#tables, name);
    return id === undefined ? undefined : lastInIndex(index, id, at);
  }

  #event(position: Position): LoggedEvent {
    const key = positionKey(position);
    const row = this.#tables.events.get(key);
    if (row === undefined) throw this.#corruptEvent(position, 'is missing, and an index says that it is there');
    return this.#open(row, key, position);
  }

  #open(row: Buffer, key: Buffer, position: Position): LoggedEvent {
    return eventFrom(openRecord(row, { table: 'events', key, label: this.#label }), position);
  }

  #corruptEvent(position: Position, problem: string): Error {
    return corrupt({ table: 'events', key: positionKey(position), label: this.#label }, `(position ${position}) ${problem}`);
  }
}
