import { invariant } from '../../lib/kernel/invariant.ts';
import { isVersionConflict } from '../../lib/events/append-conflicts.ts';
import { freezeEvent } from '../../lib/events/freeze-event.ts';
import type { LoggedEvent, NewEvent } from '../../lib/events/logged-event.ts';
import { atPosition } from '../../lib/events/logged-event.ts';
import type { Position, PositionRef } from '../../lib/events/position.ts';
import type { StorePort, StoredValue } from '../../lib/events/store-port.ts';
import type { AssetOutcome } from './outcome.ts';
import type { SettledStep } from './settled-step.ts';
import { settledEvents, type EventScope } from './settled-events.ts';

/** Most settled steps in one transaction, so that a large run does not hold the event loop in one. */
const LARGEST_GROUP = 500;

/** What a recorder needs to know of its run. */
export interface Recording {
  readonly port: StorePort;
  /** The position at which the run reads. */
  readonly readsAt: Position;
  readonly scope: Omit<EventScope, 'time' | 'positionOf'>;
  readonly now: () => number;
  /** Told of each event when it is recorded, in order. Left out where nobody listens, which saves making the events. */
  readonly publish: ((event: LoggedEvent) => void) | undefined;
  /** Told of each settled step when it is recorded, with its events and the position of the first one. */
  readonly onRecorded: ((settled: SettledStep, events: readonly NewEvent[], first: Position) => void) | undefined;
  /** Told once when an append fails; nothing is recorded after that. */
  readonly onFailure: () => void;
}

/** A step of a group that is being recorded, and where its events are in the group. */
interface RecordedStep {
  readonly settled: SettledStep;
  readonly start: number;
  readonly end: number;
}

/** What is recorded together. */
interface Group {
  readonly events: readonly NewEvent[];
  readonly values: readonly StoredValue[];
  readonly outcomes: readonly AssetOutcome[];
  /** By plan index: where the event of a settled step is. */
  readonly inBatch: ReadonlyMap<number, number>;
  readonly steps: readonly RecordedStep[];
}

/** What is to be recorded: a step that settled, or an event that belongs to none, such as a log line. */
type Pending = { readonly settled: SettledStep; readonly time: number } | { readonly event: NewEvent };

/**
 * Records settled steps in groups, in settle order: one append at a time, and whatever settles meanwhile makes the next group (X8). Steps
 * downstream do not wait for it; publication does.
 */
export class Recorder {
  readonly outcomes: AssetOutcome[] = [];
  readonly #recording: Recording;
  readonly #positions: Position[] = [];
  #pending: Pending[] = [];
  #tail: Promise<void> = Promise.resolve();
  #scheduled = false;
  #failure: { readonly error: unknown } | undefined;
  #undisturbed: Position;
  /** Of the last event that it has written or was told of. */
  #last: Position;
  #held = false;

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#undisturbed = recording.readsAt;
    this.#last = recording.readsAt;
  }

  /** Appends events that are no settled steps, and publishes them: a run's first group and its last. */
  async append(events: readonly NewEvent[], values: readonly StoredValue[]): Promise<Position> {
    const { first } = await this.#recording.port.append({ events, values });
    this.publish(events, first);
    return first;
  }

  /** Publishes events that were appended at `first`. */
  publish(events: readonly NewEvent[], first: Position): void {
    if (first === this.#undisturbed + 1) this.#undisturbed += events.length;
    this.#last = first + events.length - 1;
    const { publish } = this.#recording;
    if (publish !== undefined) events.forEach((event, index) => publish(freezeEvent(atPosition(event, first + index, first))));
  }

  /** The position of a settled step's event, once it is recorded. */
  positionOf(step: number): Position | undefined {
    return this.#positions[step];
  }

  /** Takes a settled step. It is recorded with everything else that settles before the next append can start. */
  add(settled: SettledStep): void {
    this.#schedule({ settled, time: this.#recording.now() });
  }

  /** Takes an event that is no settled step. It is recorded in the order in which it came. */
  addEvent(event: NewEvent): void {
    this.#schedule({ event });
  }

  #schedule(pending: Pending): void {
    this.#pending.push(pending);
    if (this.#held || this.#scheduled || this.#failure !== undefined) return;
    this.#scheduled = true;
    this.#tail = this.#tail.then(() => this.#flush());
  }

  /** Keeps what is taken from now on for {@link end}, so that a run which is nearly over costs the disk one flush less. */
  hold(): void {
    this.#held = true;
  }

  /** Resolves when everything that was taken is recorded and published; rejects with the store's error where an append failed. */
  async drain(): Promise<void> {
    this.#held = false;
    await this.#flushed();
  }

  async #flushed(): Promise<void> {
    this.#tail = this.#tail.then(() => this.#flush());
    await this.#tail;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Records the last events of a run, together with what was held back: all of it is on disk, or nothing. `eventsAt` is given up to where
   * there are only events of this run since it read. Resolves with the position of the last event; rejects as {@link drain} does.
   */
  async end(eventsAt: (undisturbed: Position) => readonly NewEvent[]): Promise<Position> {
    await this.#flushed();
    const group = this.#groupOf(this.#pending);
    this.#pending = [];
    const first = await this.#appendEnd(group, eventsAt);
    this.#recorded(group, first);
    return this.#last;
  }

  /** Where somebody else has written meanwhile, the same again with what that changes of the last events. */
  async #appendEnd({ events, values }: Group, eventsAt: (undisturbed: Position) => readonly NewEvent[]): Promise<Position> {
    const undisturbed = this.#undisturbed;
    if (events.length > 0 && undisturbed === this.#last) {
      const all = [...events, ...eventsAt(undisturbed + events.length)];
      try {
        const { first } = await this.#recording.port.append({ events: all, values, at: undisturbed + 1 });
        this.publish(all, first);
        return first;
      } catch (error) {
        if (!isVersionConflict(error)) throw error;
      }
    }
    return this.append([...events, ...eventsAt(undisturbed)], values);
  }

  async #flush(): Promise<void> {
    this.#scheduled = false;
    // What is held back is no more than one group.
    while (this.#pending.length > (this.#held ? LARGEST_GROUP : 0) && this.#failure === undefined) {
      const group = this.#pending.slice(0, LARGEST_GROUP);
      this.#pending = this.#pending.slice(LARGEST_GROUP);
      try {
        await this.#record(group);
      } catch (error) {
        this.#failure = { error };
        this.#recording.onFailure();
      }
    }
  }

  async #record(pending: readonly Pending[]): Promise<void> {
    const group = this.#groupOf(pending);
    const { events, values } = group;
    this.#recorded(group, events.length === 0 ? 0 : await this.append(events, values));
  }

  #groupOf(pending: readonly Pending[]): Group {
    const events: NewEvent[] = [];
    const values = new Map<string, StoredValue>();
    const outcomes: AssetOutcome[] = [];
    const inBatch = new Map<number, number>();
    const positionOf = (step: number): PositionRef => {
      const known = this.#positions[step];
      if (known !== undefined) return known;
      const index = inBatch.get(step);
      invariant(index !== undefined, 'a step settles after everything that it reads, so that is recorded first');
      return { inBatch: index };
    };
    const steps: RecordedStep[] = [];
    // One object for all steps of the group: copying it for each would cost a tenth of a run.
    const scope = { time: 0, positionOf, events, values, outcomes, ...this.#recording.scope };
    for (const each of pending) {
      if ('event' in each) {
        events.push(each.event);
        continue;
      }
      const { settled, time } = each;
      const start = events.length;
      // A reused step has no event of its own: who reads it refers to the one that its trace is.
      if (settled.outcome !== 'reused') inBatch.set(settled.planned.index, start);
      scope.time = time;
      settledEvents(settled, scope);
      steps.push({ settled, start, end: events.length });
    }
    return { events, values: [...values.values()], outcomes, inBatch, steps };
  }

  #recorded({ events, outcomes, inBatch, steps }: Group, first: Position): void {
    for (const [step, index] of inBatch) this.#positions[step] = first + index;
    this.outcomes.push(...outcomes);
    const { onRecorded } = this.#recording;
    if (onRecorded === undefined) return;
    for (const { settled, start, end } of steps) onRecorded(settled, events.slice(start, end), first + start);
  }
}
