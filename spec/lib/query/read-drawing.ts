/** A drawing as its viewer would read it. */
export interface ReadDrawing {
  readonly nodes: readonly { readonly name: string; readonly lines: readonly string[] }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly label: string }[];
  readonly note?: string | undefined;
}

/** Reads a flowchart as strictly as it is written: a line that is none of those expected is an error. */
export function readMermaid(text: string): ReadDrawing {
  const [head, ...lines] = text.split('\n');
  if (head !== 'flowchart LR' || lines.pop() !== '') throw new Error(`no flowchart: ${text}`);
  return drawingFrom(lines, {
    node: /^ {2}(?<name>\w+)(?:\(\["|\[\/?"|\("|\{\{")(?<label>[^"]*)"(?:\]\)|\]|\)|\}\})$/,
    edge: /^ {2}(?<from>\w+) -\.?->\|"(?<label>[^"]*)"\| (?<to>\w+)$/,
    other: /^ {2}(?:classDef start stroke-width:3px|class \w+ start)$/,
    linesOf: (label) =>
      label.split('<br/>').map((line) => line.replaceAll(/#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))),
  });
}

/** Reads DOT as Graphviz does: quotes first, then escapes, then HTML entities. */
export function readDot(text: string): ReadDrawing {
  const lines = text.split('\n');
  if (lines.shift() !== 'digraph lineage {' || lines.shift() !== '  rankdir=LR;' || lines.pop() !== '' || lines.pop() !== '}')
    throw new Error(`no digraph: ${text}`);
  const string = String.raw`"(?<label>(?:[^"\\]|\\.)*)"`;
  return drawingFrom(lines, {
    node: new RegExp(String.raw`^ {2}(?<name>\w+) \[label=${string}, shape=\w+(?:, \w+=\w+)*\];$`, 'u'),
    edge: new RegExp(String.raw`^ {2}(?<from>\w+) -> (?<to>\w+) \[label=${string}(?:, style=dotted)?\];$`, 'u'),
    other: /^$/,
    linesOf: (label) =>
      label
        .replaceAll(/\\(.)/gu, (_, char: string) => (char === 'n' ? '\n' : char))
        .split('\n')
        .map((line) => line.replaceAll(/&(\w+|#\d+);/g, (entity) => (entity === '&amp;' ? '&' : `unexpected ${entity}`))),
  });
}

interface Language {
  readonly node: RegExp;
  readonly edge: RegExp;
  readonly other: RegExp;
  readonly linesOf: (label: string) => readonly string[];
}

function drawingFrom(lines: readonly string[], { node, edge, other, linesOf }: Language): ReadDrawing {
  const nodes: ReadDrawing['nodes'][number][] = [];
  const edges: ReadDrawing['edges'][number][] = [];
  let note: string | undefined;
  for (const line of lines) {
    const [made, joined] = [node.exec(line)?.groups, edge.exec(line)?.groups];
    const label = linesOf(made?.['label'] ?? joined?.['label'] ?? '');
    if (made?.['name'] === 'note') note = label.join();
    else if (made !== undefined) nodes.push({ name: made['name'] ?? '', lines: label });
    else if (joined !== undefined) edges.push({ from: joined['from'] ?? '', to: joined['to'] ?? '', label: label.join('<br/>') });
    else if (!other.test(line)) throw new Error(`unexpected line: ${line}`);
  }
  return { nodes, edges, ...(note !== undefined && { note }) };
}
