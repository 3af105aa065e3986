import { isDeepStrictEqual } from 'node:util';
import { atPosition, isMissed, isReadable, type LoggedEvent } from '../../lib/events/logged-event.ts';
import type { AppendBatch, OutputId, StepId } from '../../lib/events/store-port.ts';
import { addressesOf, isSaid } from '../../lib/events/retention.ts';

/** What an append comes to: where the batch is, or the code of what it is refused for. */
export type Outcome =
  | { readonly first: number; readonly last: number; readonly duplicate: boolean }
  | { readonly code: 'IDEMPOTENCY_CONFLICT' | 'VERSION_CONFLICT' };

/** A store as one could write it down on a napkin: a list, searched from its end. */
export class ModelLog {
  readonly log: LoggedEvent[] = [];
  /** The bytes of each value that was ever recorded, in hex, by its address. */
  readonly values = new Map<string, string>();
  /** Addresses of values that were removed. */
  readonly removed = new Set<string>();
  readonly cursors = new Map<string, number>();
  /** How far each source was read. */
  readonly offsets = new Map<string, string>();
  readonly #named = new Map<string, { readonly content: unknown; readonly first: number; readonly last: number }>();

  get head(): number {
    return this.log.length;
  }

  append(batch: AppendBatch): Outcome {
    const { events, values, id } = batch;
    const offsets = batch.offsets ?? [];
    const content = batch.request ?? [events.map((event) => ({ ...event, time: 0 })), values.map(({ address }) => address), offsets];
    const named = id === undefined ? undefined : this.#named.get(id);
    if (named !== undefined) {
      const { first, last } = named;
      return isDeepStrictEqual(named.content, content) ? { first, last, duplicate: true } : { code: 'IDEMPOTENCY_CONFLICT' };
    }
    const isMet = ({ key, position }: { readonly key: string; readonly position: number }): boolean =>
      (this.readable(key, this.head)?.position ?? 0) === position;
    if (batch.at !== undefined && batch.at !== this.head + 1) return { code: 'VERSION_CONFLICT' };
    if (!(batch.expected ?? []).every(isMet)) return { code: 'VERSION_CONFLICT' };
    const first = this.head + 1;
    this.log.push(...events.map((event, at) => atPosition(event, first + at, first)));
    for (const { address, bytes } of values) {
      this.values.set(address, Buffer.from(bytes).toString('hex'));
      this.removed.delete(address);
    }
    for (const { key, offset } of offsets) this.offsets.set(key, offset);
    if (id !== undefined) this.#named.set(id, { content, first, last: this.head });
    return { first, last: this.head, duplicate: false };
  }

  readable(key: string, at: number): LoggedEvent | undefined {
    return this.log.findLast((event) => event.position <= at && isReadable(event) && event.key === key);
  }

  missed(key: string, at: number): LoggedEvent | undefined {
    return this.log.findLast((event) => event.position <= at && isMissed(event) && event.key === key);
  }

  lastSettled(id: OutputId, at: number): LoggedEvent | undefined {
    const last = this.log.findLast(
      (event) =>
        event.position <= at &&
        event.type === 'step-settled' &&
        event.outcome === 'succeeded' &&
        event.definition === id.definition &&
        event.step === id.step &&
        (event.outputs.some(({ output }) => output === id.output) || event.dropped.includes(id.output)),
    );
    return last?.type === 'step-settled' && last.outputs.some(({ output }) => output === id.output) ? last : undefined;
  }

  lastUnsuccessful({ definition, step }: StepId, at: number): LoggedEvent | undefined {
    return this.log.findLast(
      (event) =>
        event.position <= at &&
        event.type === 'step-settled' &&
        ['failed', 'blocked', 'skipped'].includes(event.outcome) &&
        event.definition === definition &&
        event.step === step,
    );
  }

  runs(): readonly { readonly started: LoggedEvent; readonly ended: LoggedEvent | null }[] {
    const starts = this.log.filter((event) => event.type === 'run-started');
    return starts.map((started, index) => {
      const again = starts.find((other, at) => at > index && other.runId === started.runId)?.position ?? Infinity;
      const isMine = (event: LoggedEvent): boolean =>
        event.type === 'run-ended' && event.runId === started.runId && event.position > started.position && event.position < again;
      return { started, ended: this.log.findLast(isMine) ?? null };
    });
  }

  /** Addresses of values that a prune has to leave: of each key the last versions, of outputs what stands, of the last runs all. */
  needed({ versions, runs }: { readonly versions: number; readonly runs: number }): ReadonlySet<string> {
    const from = this.#startOf(runs);
    const ofRuns = new Set(this.log.flatMap((event) => (event.type === 'run-started' && event.position >= from ? [event.runId] : [])));
    const needed = this.log.filter(
      (event) => this.#stands(event) || (event.position >= from && 'runId' in event && event.runId !== null && ofRuns.has(event.runId)),
    );
    const seen = new Map<string, { count: number; last: string }>();
    for (const event of this.log.toReversed()) {
      if (!isReadable(event) || event.type === 'asset-absent') continue;
      const of = seen.get(event.key) ?? { count: 0, last: '' };
      // Equal ones in a row are one.
      if (of.last !== event.version) of.count += 1;
      of.last = event.version;
      seen.set(event.key, of);
      if (of.count <= versions) needed.push(event);
    }
    const latest = this.runs().at(-1);
    if (latest?.ended === null && latest.started.type === 'run-started') {
      const { readsAt } = latest.started;
      needed.push(...[...seen.keys()].flatMap((key) => this.readable(key, readsAt) ?? []));
    }
    return new Set(needed.flatMap(addressesOf));
  }

  /** Whether an event is the last that says how some output came out. */
  #stands(event: LoggedEvent): boolean {
    if (event.type !== 'step-settled') return false;
    const { definition, step } = event;
    return event.outputs.some(({ output }) => this.lastSettled({ definition, step, output }, Infinity) === event);
  }

  /** Whether an event may be replaced by a prune that keeps what was said in so many of the last runs. */
  mayGo(event: LoggedEvent, logsOfRuns: number | undefined): boolean {
    if (logsOfRuns === undefined || !isSaid(event)) return false;
    return event.position < this.#startOf(logsOfRuns);
  }

  /** Where the oldest of so many of the last runs started, live services aside; behind everything for none, before everything where there are fewer. */
  #startOf(runs: number): number {
    if (runs === 0) return Infinity;
    const counted = this.runs().filter(({ started }) => started.type !== 'run-started' || started.mode !== 'live');
    return counted.at(-runs)?.started.position ?? 0;
  }
}
