import { invariant } from '../../lib/kernel/invariant.ts';
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

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#undisturbed = recording.readsAt;
  }

  /** Up to where there are only events of this run since it read. */
  get undisturbed(): Position {
    return this.#undisturbed;
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
    if (this.#scheduled || this.#failure !== undefined) return;
    this.#scheduled = true;
    this.#tail = this.#tail.then(() => this.#flush());
  }

  /** Resolves when everything that was taken is recorded and published; rejects with the store's error where an append failed. */
  async drain(): Promise<void> {
    await this.#tail;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #flush(): Promise<void> {
    this.#scheduled = false;
    while (this.#pending.length > 0 && this.#failure === undefined) {
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

  async #record(group: readonly Pending[]): Promise<void> {
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
    const scope = { ...this.#recording.scope, time: 0, positionOf, events, values, outcomes };
    for (const pending of group) {
      if ('event' in pending) {
        events.push(pending.event);
        continue;
      }
      const { settled, time } = pending;
      const start = events.length;
      // A reused step has no event of its own: who reads it refers to the one that its trace is.
      if (settled.outcome !== 'reused') inBatch.set(settled.planned.index, start);
      scope.time = time;
      settledEvents(settled, scope);
      steps.push({ settled, start, end: events.length });
    }
    const first = events.length === 0 ? 0 : await this.append(events, [...values.values()]);
    for (const [step, index] of inBatch) this.#positions[step] = first + index;
    this.outcomes.push(...outcomes);
    const { onRecorded } = this.#recording;
    if (onRecorded === undefined) return;
    for (const { settled, start, end } of steps) onRecorded(settled, events.slice(start, end), first + start);
  }
}
