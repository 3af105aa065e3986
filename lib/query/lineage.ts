import type { Found, LineageEdge, LineageGraph, LineageNode } from './lineage-graph.ts';
import type { DrawingOptions } from './lineage-drawing.ts';
import { drawDot } from './lineage-dot.ts';
import { drawMermaid } from './lineage-mermaid.ts';

/** What a stored version was made from, or what was made from it: frozen data, and drawings of it. */
export interface Lineage extends LineageGraph {
  /**
   * The drawing as a Mermaid flowchart.
   *
   * @throws SelectionError INVALID_OPTION
   */
  toMermaid(options?: DrawingOptions): string;
  /**
   * The drawing in the DOT language of Graphviz.
   *
   * @throws SelectionError INVALID_OPTION
   */
  toDot(options?: DrawingOptions): string;
}

/** What is known of a lineage beside what walks found. */
export type LineageFacts = Omit<LineageGraph, 'nodes' | 'edges' | 'cutAt'>;

/** Puts what walks found into order, and freezes it. */
export function lineageOf(facts: LineageFacts, found: Found): Lineage {
  const nodes = [...found.nodes.values()].sort((a, b) => a.position - b.position || compare(a.id, b.id));
  const cutAt = nodes.flatMap(({ id }) => (found.cutAt.has(id) ? [id] : []));
  const edges = inOrderOf(nodes, found.edges);
  for (const part of [...nodes, ...edges]) Object.freeze(part);
  const data = { ...facts, nodes: Object.freeze(nodes), edges: Object.freeze(edges), cutAt: Object.freeze(cutAt) };
  return Object.freeze({
    ...data,
    toMermaid: (options: DrawingOptions = {}) => drawMermaid(data, options),
    toDot: (options: DrawingOptions = {}) => drawDot(data, options),
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Edges by the node that they lead to. Those that lead to one node were found in the order of its inputs. */
function inOrderOf(nodes: readonly LineageNode[], edges: readonly LineageEdge[]): readonly LineageEdge[] {
  const byNode = new Map(nodes.map(({ id }): [string, LineageEdge[]] => [id, []]));
  for (const edge of edges) byNode.get(edge.to)?.push(edge);
  return [...byNode.values()].flat();
}
