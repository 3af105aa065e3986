import { drawingOf, type Drawing, type DrawingOptions, type DrawnNode } from './lineage-drawing.ts';
import type { LineageGraph, LineageNode } from './lineage-graph.ts';

const SHAPES: Readonly<Record<LineageNode['kind'], string>> = {
  source: 'shape=oval',
  asset: 'shape=box',
  output: 'shape=box, style=rounded',
  unknown: 'shape=hexagon',
};

/**
 * Writes a lineage in the DOT language of Graphviz: sources round, assets as boxes, outputs with round corners; order alone is dotted.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function drawDot(graph: LineageGraph, options: DrawingOptions): string {
  const { nodes, edges, note }: Drawing = drawingOf(graph, 'lineage.toDot', options);
  return [
    'digraph lineage {',
    '  rankdir=LR;',
    ...nodes.map(nodeLine),
    ...edges.map(({ from, to, label, isOrder }) => `  ${from} -> ${to} [label="${escaped(label)}"${isOrder ? ', style=dotted' : ''}];`),
    ...(note === undefined ? [] : [`  note [label="${escaped(note)}", shape=note];`]),
    '}',
    '',
  ].join('\n');
}

function nodeLine({ name, kind, isStart, lines }: DrawnNode): string {
  const width = isStart ? ', penwidth=3' : '';
  return `  ${name} [label="${lines.map(escaped).join('\\n')}", ${SHAPES[kind]}${width}];`;
}

/** Graphviz reads backslashes and HTML entities inside of quotes. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;');
}
