import type { AnyOp, Definitions } from '../../index.ts';

/** What can be saved: outputs that are computed although nobody asked for them, with the line to change. */
export function adviceOn({ graph }: Definitions, discarded: ReadonlyMap<string, number>): readonly string[] {
  const ops = new Map(graph.steps.map(({ op }) => [op.name, op]));
  return [...discarded].map(([place, times]) => {
    const [name = '', output = ''] = place.split('.');
    const where = changeOf(linesOf(ops.get(name), output), output);
    return `op "${name}" emits "${output}" also when it is not asked for (${times} times). That goes nowhere.${where}`;
  });
}

/** One line can be shown as it should be; of several, or of one that hangs on another, only that they should ask first. */
function changeOf(lines: readonly string[], output: string): string {
  const [line] = lines;
  if (line === undefined) return '';
  if (lines.length === 1 && !/^[}\s]*else\b/.test(line)) return ` Change the line\n      ${line}\n    to\n      ${guarded(line, output)}`;
  return ` Ask for selectedOutputs.has('${output}') before\n${lines.map((each) => `      ${each}`).join('\n')}`;
}

function guarded(line: string, output: string): string {
  const condition = `selectedOutputs.has('${output}')`;
  const field = new RegExp(`^['"]?${output}['"]?: (.*?),?$`).exec(line);
  if (field !== null) return `...(${condition} && { ${line.replace(/,$/, '')} }),`;
  return `if (${condition}) ${line}`;
}

/** The lines of the body that name the output where it is emitted: bodies are functions, and functions know their text. */
function linesOf(op: AnyOp | undefined, output: string): readonly string[] {
  // A body that follows changes emits nothing by itself.
  if (op === undefined || op.body.form === 'keyed' || typeof op.body.written !== 'function') return [];
  const emits = new RegExp(`emit\\(\\s*['"\`]${output}['"\`]|(?:^|[{,]\\s*)['"]?${output}['"]?\\s*:`);
  // Where a compiler has taken the import apart, it is written as it was.
  const written = Function.prototype.toString.call(op.body.written).replaceAll(/\(0, ?[\w$.]+\.emit\)/g, 'emit');
  return written.split('\n').flatMap((line) => (emits.test(line.trim()) ? [line.trim()] : []));
}
