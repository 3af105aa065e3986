import type { InputEntryRecord, LoggedEvent, StepSettled } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import type { Found, LineageNode } from './lineage-graph.ts';
import {
  isAssetVersion,
  isOfStep,
  outputNode,
  recordedStep,
  type AssetVersionEvent,
  type Recorded,
  type RecordedStep,
} from './recorded-step.ts';

type Settled = StepSettled & { readonly position: Position };

/** A node that was found, and how many hops it is from the start. */
interface Reached {
  readonly id: string;
  readonly hops: number;
}

/** A step that read something of what was found. */
interface Reader {
  /** Its own event, or that of an asset which stands alone. */
  readonly head: Settled | AssetVersionEvent;
  readonly assets: AssetVersionEvent[];
  readonly reads: readonly { readonly from: Reached; readonly entry: InputEntryRecord }[];
}

/**
 * The walk from a version to what was made from it: takes every event behind it, in order, and keeps what it finds alone. A reader knows
 * what it read by position, so a version that came out equal later on is another one.
 */
export class ForwardWalk {
  readonly #found: Found;
  readonly #depth: number;
  readonly #events = new Map<Position, Reached>();
  readonly #outputs = new Map<Position, Map<string, Reached>>();
  #settled: StepSettled | undefined;
  #reader: Reader | undefined;

  constructor(found: Found, start: { readonly node: LineageNode; readonly recorded: Recorded }, depth: number) {
    this.#found = found;
    this.#depth = depth;
    const { node, recorded } = start;
    this.#reach(node, 0, recorded.type === 'step' && node.kind === 'asset' ? { step: recorded, output: node.output } : undefined);
  }

  /** Takes the next event of the log. */
  take(event: LoggedEvent): void {
    if (isAssetVersion(event)) this.#takeAsset(event);
    else this.#takeStep(event.type === 'step-settled' ? event : undefined);
  }

  /** Ends the walk. */
  finish(): void {
    this.#takeStep(undefined);
  }

  #takeAsset(event: AssetVersionEvent): void {
    if (this.#settled !== undefined && isOfStep(this.#settled, event)) this.#reader?.assets.push(event);
    else {
      this.#closeReader();
      this.#settled = undefined;
      this.#reader = this.#readerOf(event.inputs, { head: event, assets: [event] });
      this.#closeReader();
    }
  }

  #takeStep(settled: Settled | undefined): void {
    this.#closeReader();
    this.#settled = settled;
    // Of a step that failed, was blocked or cancelled, nothing came.
    if (settled?.outcome === 'succeeded' || settled?.outcome === 'skipped') {
      this.#reader = this.#readerOf(settled.inputs, { head: settled, assets: [] });
    }
  }

  #readerOf(inputs: readonly InputEntryRecord[], step: Omit<Reader, 'reads'>): Reader | undefined {
    const reads: Reader['reads'][number][] = [];
    for (const entry of inputs) {
      const from = this.#reachedBy(entry);
      if (from === undefined) continue;
      if (from.hops < this.#depth) reads.push({ from, entry });
      else this.#found.cutAt.add(from.id);
    }
    return reads.length === 0 ? undefined : { ...step, reads };
  }

  #reachedBy({ origin, position }: InputEntryRecord): Reached | undefined {
    if (position === null) return undefined;
    return origin.from === 'asset' ? this.#events.get(position) : this.#outputs.get(position)?.get(origin.output);
  }

  #closeReader(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) return;
    const step = recordedStep(reader.head, reader.assets);
    const hops = reader.reads.reduce((least, { from }) => Math.min(least, from.hops), Infinity);
    const outputs = new Set([...(step.settled?.outputs ?? []).map(({ output }) => output), ...step.assets.keys()]);
    for (const output of outputs) {
      const node = outputNode(step, output);
      if (node === undefined) continue;
      this.#reach(node, node.kind === 'asset' ? hops + 1 : hops, { step, output });
      for (const { from, entry } of reader.reads) {
        this.#found.edges.push({ from: from.id, to: node.id, input: entry.input, kind: entry.kind });
      }
    }
  }

  /** Notes a node under all names by which readers may know it. */
  #reach(node: LineageNode, hops: number, made: { readonly step: RecordedStep; readonly output: string } | undefined): void {
    this.#found.nodes.set(node.id, node);
    const reached: Reached = { id: node.id, hops };
    if (node.kind !== 'output') this.#events.set(node.position, reached);
    const settled = made?.step.settled?.position;
    if (made === undefined || settled === undefined) return;
    const outputs = this.#outputs.get(settled) ?? new Map<string, Reached>();
    this.#outputs.set(settled, outputs.set(made.output, reached));
  }
}
