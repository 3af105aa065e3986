import { cutText } from '../kernel/print.ts';
import { checkVerbOptions, type OptionRules } from '../kernel/verb-options.ts';
import type { LineageGraph, LineageNode } from './lineage-graph.ts';

/** Options of the drawings of a lineage. */
export interface DrawingOptions {
  /**
   * The most arrows that are drawn, 200 by default: viewers give up on large drawings (Mermaid at 500 arrows). What is nearest to the node
   * that was asked for is kept, and the drawing says how much is left out.
   */
  readonly limit?: number;
}

/** A node as it is drawn. */
export interface DrawnNode {
  /** A name that needs no quotes in any language. */
  readonly name: string;
  readonly kind: LineageNode['kind'];
  readonly isStart: boolean;
  /** The label, line by line: visible characters alone. */
  readonly lines: readonly string[];
}

/** An arrow as it is drawn. */
export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** Whether no value went along it. */
  readonly isOrder: boolean;
}

/** A drawing, before it is written in some language. */
export interface Drawing {
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
  /** What is not drawn, as a sentence; `undefined` where everything is. */
  readonly note: string | undefined;
}

const DEFAULT_LIMIT = 200;
const RULES: OptionRules<DrawingOptions> = {
  limit: {
    accepts: (value) => typeof value === 'number' && value >= 0 && (Number.isInteger(value) || value === Infinity),
    cure: 'Give a whole number from 0, or Infinity.',
  },
};

/**
 * Decides what is drawn of a lineage, under which names and labels.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function drawingOf(graph: LineageGraph, verb: string, options: DrawingOptions): Drawing {
  checkVerbOptions(verb, options, RULES);
  const kept = nearestTo(graph, options.limit ?? DEFAULT_LIMIT);
  const nodes = graph.nodes.filter(({ id }) => kept.has(id));
  const edges = graph.edges.filter(({ from, to }) => kept.has(from) && kept.has(to));
  const open = new Set(graph.cutAt);
  for (const { from, to } of graph.edges) {
    if (!kept.has(from)) open.add(to);
    if (!kept.has(to)) open.add(from);
  }
  const names = namesOf(nodes);
  const nameOf = (id: string): string => names.get(id) ?? '';
  return {
    nodes: nodes.map((node) => ({
      name: nameOf(node.id),
      kind: node.kind,
      isStart: node.id === graph.start,
      lines: [...linesOf(node), ...(open.has(node.id) ? ['…'] : [])].map(visible),
    })),
    edges: edges.map(({ from, to, input, kind }) => ({
      from: nameOf(from),
      to: nameOf(to),
      label: visible(input),
      isOrder: kind === 'nothing',
    })),
    note: noteOn(graph, nodes.length, edges.length),
  };
}

/** The nodes that are drawn: as many of the nearest as have no more arrows between them than the limit. */
function nearestTo({ start, edges, nodes }: LineageGraph, limit: number): ReadonlySet<string> {
  if (edges.length <= limit) return new Set(nodes.map(({ id }) => id));
  const neighbours = new Map(nodes.map(({ id }): [string, string[]] => [id, []]));
  for (const { from, to } of edges) {
    neighbours.get(from)?.push(to);
    neighbours.get(to)?.push(from);
  }
  const met = new Set([start]);
  const kept = new Set<string>();
  let drawn = 0;
  // A set gives what is added while it is gone through: this is the queue of a breadth-first search.
  for (const id of met) {
    const near = neighbours.get(id) ?? [];
    drawn += near.filter((other) => kept.has(other)).length;
    if (drawn > limit) break;
    kept.add(id);
    for (const other of near) met.add(other);
  }
  return kept;
}

/** Names from positions: they stay the same when more of the lineage is drawn, as far as they can. */
function namesOf(nodes: readonly LineageNode[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  let count = 0;
  let last = 0;
  for (const { id, kind, position } of nodes) {
    count = position === last ? count + 1 : 0;
    last = position;
    names.set(id, kind === 'output' ? `e${position}_${count}` : `e${position}`);
  }
  return names;
}

function linesOf(node: LineageNode): readonly string[] {
  const { name, position } = node;
  switch (node.kind) {
    case 'source':
      return [name, `observed at ${position}`];
    case 'asset':
      return [name, `${node.outcome} at ${position}`, codeOf(node)];
    case 'output':
      return [name, `${stateOf(node)} at ${position}`, codeOf(node)];
    case 'unknown':
      return [name, `at ${position}`];
  }
}

function stateOf({ state }: LineageNode): string {
  return state.state === 'value' ? 'given' : state.state;
}

/** A version that no author stated is a random one, which would be noise. */
function codeOf({ op, codeVersion }: { readonly op: string; readonly codeVersion: string }): string {
  return codeVersion.startsWith('session:') ? `op ${op}` : `op ${op}, code ${codeVersion}`;
}

const LONGEST_LINE = 80;
const INVISIBLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Text without what would break a line, turn its direction, or be no character; cut where it would fill the drawing. */
function visible(text: string): string {
  return cutText(text, LONGEST_LINE).replaceAll(INVISIBLE, '\uFFFD');
}

function noteOn(graph: LineageGraph, nodes: number, edges: number): string | undefined {
  const [hiddenNodes, hiddenEdges] = [graph.nodes.length - nodes, graph.edges.length - edges];
  if (hiddenNodes === 0 && hiddenEdges === 0) return undefined;
  return `Not drawn: ${hiddenNodes} of ${graph.nodes.length} nodes and ${hiddenEdges} of ${graph.edges.length} arrows. A higher limit draws more.`;
}
