import type { AnyOp, Definitions } from '../../index.ts';

/** What can be saved: outputs that are computed although nobody asked for them, with the line to change. */
export function adviceOn({ graph }: Definitions, discarded: ReadonlyMap<string, number>): readonly string[] {
  const ops = new Map(graph.steps.map(({ op }) => [op.name, op]));
  return [...discarded].map(([place, times]) => {
    const [name = '', output = ''] = place.split('.');
    const line = lineOf(ops.get(name), output);
    const where = line === undefined ? '' : ` Change the line\n      ${line}\n    to\n      ${guarded(line, output)}`;
    return `op "${name}" emits "${output}" also when it is not asked for (${times} times). That goes nowhere.${where}`;
  });
}

function guarded(line: string, output: string): string {
  const condition = `selectedOutputs.has('${output}')`;
  const field = new RegExp(`^['"]?${output}['"]?: (.*?),?$`).exec(line);
  if (field !== null) return `...(${condition} && { ${line.replace(/,$/, '')} }),`;
  return `if (${condition}) ${line}`;
}

/** The line of the body that names the output where it is emitted: bodies are functions, and functions know their text. */
function lineOf(op: AnyOp | undefined, output: string): string | undefined {
  // A body that follows changes emits nothing by itself.
  if (op === undefined || op.body.form === 'keyed' || typeof op.body.written !== 'function') return undefined;
  const lines = Function.prototype.toString.call(op.body.written).split('\n');
  const emits = new RegExp(`emit\\)?\\(\\s*['"\`]${output}['"\`]|(?:^|[{,]\\s*)['"]?${output}['"]?\\s*:`);
  return lines.find((line) => emits.test(line.trim()))?.trim();
}
