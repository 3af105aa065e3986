import type { InputEntryRecord, LoggedEvent } from '../../../lib/events/logged-event.ts';

/** An edge as text, so that sets of them can be compared. */
export interface NaiveLineage {
  readonly nodes: ReadonlySet<string>;
  readonly edges: readonly string[];
}

interface NaiveEdge {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** What a hop against and along it costs. */
  readonly back: number;
  readonly forward: number;
}

const versions = new Set(['asset-materialized', 'asset-unchanged', 'asset-absent']);

/** What a lineage should be, from the whole log at once: every edge there is, and then what can be reached. */
export class NaiveLog {
  readonly #log: readonly LoggedEvent[];
  readonly #edges: readonly NaiveEdge[];

  constructor(log: readonly LoggedEvent[]) {
    this.#log = log;
    this.#edges = log.flatMap((event) => ('inputs' in event ? this.#made(event).flatMap((to) => this.#edgesTo(to, event.inputs)) : []));
  }

  /** Everything within so many hops of a node, in one direction. */
  from(start: string, direction: 'back' | 'forward', depth: number): NaiveLineage {
    const hops = new Map([[start, 0]]);
    const [near, far] = direction === 'back' ? (['to', 'from'] as const) : (['from', 'to'] as const);
    const usable = (edge: NaiveEdge): boolean => (hops.get(edge[near]) ?? Infinity) < depth;
    for (let changed = true; changed;) {
      changed = false;
      for (const edge of this.#edges.filter(usable)) {
        const through = (hops.get(edge[near]) ?? 0) + edge[direction];
        if (through >= (hops.get(edge[far]) ?? Infinity)) continue;
        hops.set(edge[far], through);
        changed = true;
      }
    }
    return { nodes: new Set(hops.keys()), edges: this.#edges.filter(usable).map(({ text }) => text) };
  }

  /** The ids of what an event brought: an output that was recorded as an asset counts as that. */
  #made(event: Extract<LoggedEvent, { inputs: unknown }>): readonly string[] {
    if (versions.has(event.type)) return [String(event.position)];
    if (event.type !== 'step-settled') return [];
    const outputs = event.outputs.filter(({ state }) => state.state === 'value' || state.state === 'absent');
    return outputs.map(({ output }) => this.#idOf(event.position, output)).filter((id) => id.includes('.'));
  }

  #idOf(step: number, output: string): string {
    const settled = this.#log[step - 1];
    for (const event of this.#log.slice(step)) {
      const isOwn = 'key' in event && 'step' in event && settled !== undefined && 'step' in settled;
      if (!isOwn || event.step !== settled.step || event.definition !== settled.definition || event.runId !== settled.runId) break;
      if (versions.has(event.type) && event.output === output) return String(event.position);
    }
    return `${step}.${output}`;
  }

  #edgesTo(to: string, inputs: readonly InputEntryRecord[]): readonly NaiveEdge[] {
    return inputs.flatMap(({ input, kind, origin, position }) => {
      if (position === null) return [];
      const from = origin.from === 'step' ? this.#idOf(position, origin.output) : String(position);
      return [{ from, to, text: `${from} ${input} ${kind} ${to}`, back: costOf(from), forward: costOf(to) }];
    });
  }
}

function costOf(id: string): number {
  return id.includes('.') ? 0 : 1;
}
