import { drawingOf, type Drawing, type DrawingOptions, type DrawnNode } from './lineage-drawing.ts';
import type { LineageGraph, LineageNode } from './lineage-graph.ts';

const BRACKETS: Readonly<Record<LineageNode['kind'], readonly [string, string]>> = {
  source: ['([', '])'],
  asset: ['[', ']'],
  output: ['(', ')'],
  unknown: ['{{', '}}'],
};

/**
 * Writes a lineage as a Mermaid flowchart: sources round, assets as boxes, outputs with round corners; order alone is dotted.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function drawMermaid(graph: LineageGraph, options: DrawingOptions): string {
  const { nodes, edges, note }: Drawing = drawingOf(graph, 'lineage.toMermaid', options);
  const start = nodes.filter(({ isStart }) => isStart).map(({ name }) => name);
  return [
    'flowchart LR',
    ...nodes.map(nodeLine),
    ...edges.map(({ from, to, label, isOrder }) => `  ${from} ${isOrder ? '-.->' : '-->'}|"${escaped(label)}"| ${to}`),
    ...(note === undefined ? [] : [`  note["${escaped(note)}"]`]),
    ...start.flatMap((name) => ['  classDef start stroke-width:3px', `  class ${name} start`]),
    '',
  ].join('\n');
}

function nodeLine({ name, kind, lines }: DrawnNode): string {
  const [open, close] = BRACKETS[kind];
  return `  ${name}${open}"${lines.map(escaped).join('<br/>')}"${close}`;
}

/**
 * Everything but letters, digits and the plainest signs as a numbered entity: Mermaid reads quotes, HTML, Markdown, directives and entities
 * inside of labels. What starts a line may be a mark of Markdown even if it is a digit.
 */
function escaped(text: string): string {
  return (
    text
      .replaceAll(/^[^\p{L}]|[^\p{L}\p{M}\p{N} _./,()…-]/gu, (char) => `#${char.codePointAt(0) ?? 0};`)
      // Mermaid looks for directions in the whole line, labels included.
      .replaceAll(/(?<=direction) /g, '#32;')
  );
}
