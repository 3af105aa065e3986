import { StoreError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import type { OutputState } from '../events/data-version.ts';
import type { InputEntryRecord } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import type { DraftEdge, Found, LineageNode } from './lineage-graph.ts';
import { PositionHeap } from './position-heap.ts';
import { outputNode, sourceNode, unknownNode, type Recorded, type RecordedStep } from './recorded-step.ts';

/** One version that is wanted: how many hops it is to a reader of it, at the least, and the edges that begin at it. */
interface WantedVersion {
  hops: number;
  readonly edges: DraftEdge[];
}

/** What is wanted of one event: it itself, or outputs of the settled step that it is. */
interface Wanted {
  /** By output; `null` stands for the event itself. */
  readonly versions: Map<string | null, WantedVersion>;
  /** What a reader says that it got. */
  readonly state: OutputState;
}

interface Origin {
  readonly position: Position;
  readonly state: OutputState;
}

/** The version from which a walk starts has no reader, and counts as no hop. */
const START_HOPS = -1;

/**
 * The walk from a version back to the sources, from higher positions to lower ones: everything is made from what is before it in the
 * log, so when an event is reached, all that was made from it has been. Whoever walks reads what `next` wants, and gives it to `take`.
 */
export class BackWalk {
  readonly #found: Found;
  readonly #depth: number;
  readonly #heap = new PositionHeap();
  readonly #wanted = new Map<Position, Wanted>();

  constructor(found: Found, start: Origin, depth: number) {
    this.#found = found;
    this.#depth = depth;
    this.#want(start, null, START_HOPS);
  }

  /** The position to read next; `undefined` at the end of the walk. */
  next(): Position | undefined {
    return this.#heap.pop();
  }

  /** Takes what is recorded at a position that was wanted. */
  take(position: Position, recorded: Recorded): void {
    const wanted = this.#wanted.get(position);
    this.#wanted.delete(position);
    if (wanted === undefined) return;
    if (recorded.type === 'step') this.#takeStep(position, recorded, wanted);
    else for (const { edges } of wanted.versions.values()) this.#add(loneNode(recorded, wanted), edges);
  }

  #takeStep(position: Position, step: RecordedStep, { versions, state }: Wanted): void {
    for (const [output, version] of versions) {
      const name = output ?? nameOfOutput(step, position);
      if (name === undefined) throw brokenReference(position, 'is no version of an asset');
      // Readers in its own run know a version by its step: only there all of them have been met.
      if (position > step.first) {
        const { edges } = this.#want({ position: step.first, state }, name, version.hops);
        for (const edge of version.edges) edges.push(edge);
      } else this.#addOutput(step, name, version);
    }
  }

  #addOutput(step: RecordedStep, output: string, version: WantedVersion): void {
    const node = outputNode(step, output);
    if (node === undefined) throw brokenReference(step.first, `has no output ${quote(output)}`);
    this.#add(node, version.edges);
    const hops = node.kind === 'asset' ? version.hops + 1 : version.hops;
    for (const entry of step.inputs) {
      if (entry.position === null) continue;
      if (hops >= this.#depth) this.#found.cutAt.add(node.id);
      else this.#follow(node.id, { ...entry, position: entry.position }, { hops, before: step.first });
    }
  }

  #follow(to: string, entry: InputEntryRecord & Origin, reader: { readonly hops: number; readonly before: Position }): void {
    const { input, kind, origin, position } = entry;
    if (position >= reader.before) throw brokenReference(reader.before, `names position ${position} as an origin, which is not before it`);
    const edge: DraftEdge = { from: '', to, input, kind };
    this.#found.edges.push(edge);
    this.#want(entry, origin.from === 'step' ? origin.output : null, reader.hops).edges.push(edge);
  }

  #want({ position, state }: Origin, output: string | null, hops: number): WantedVersion {
    let wanted = this.#wanted.get(position);
    if (wanted === undefined) {
      this.#wanted.set(position, (wanted = { versions: new Map(), state }));
      this.#heap.push(position);
    }
    let version = wanted.versions.get(output);
    if (version === undefined) wanted.versions.set(output, (version = { hops, edges: [] }));
    version.hops = Math.min(version.hops, hops);
    return version;
  }

  #add(node: LineageNode, edges: readonly DraftEdge[]): void {
    this.#found.nodes.set(node.id, node);
    for (const edge of edges) edge.from = node.id;
  }
}

function nameOfOutput({ assets }: RecordedStep, position: Position): string | undefined {
  for (const [output, event] of assets) if (event.position === position) return output;
  return undefined;
}

function loneNode(recorded: Exclude<Recorded, RecordedStep>, { state }: Wanted): LineageNode {
  if (recorded.type === 'source') return sourceNode(recorded.event);
  const { event } = recorded;
  if (event.type === 'unknown') return unknownNode(event, state);
  throw brokenReference(event.position, 'is said to be the origin of a value, and has none');
}

function brokenReference(position: Position, problem: string): StoreError {
  return new StoreError('STORE_CORRUPT', `The event at position ${position} ${problem}. Verify the store.`, { details: { position } });
}
