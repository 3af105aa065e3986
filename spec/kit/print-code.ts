import { inspect } from 'node:util';
import type { WorldCase, WorldRun } from './world-case.ts';
import type { DefinableStep, DefinableWorld, WorldOp } from './define-world.ts';

/** A case as a program: run it, change it, keep it as a test. Only of worlds whose ops were made by `worldOp`. */
export function printProgram({ world, runs }: WorldCase): string {
  return [
    "import { materialize } from 'sluice';",
    "import { memoryStore } from 'sluice/store/memory';",
    "import { defineWorld, worldOp } from 'sluice/testing';",
    '',
    ...worldCode(world),
    'const store = memoryStore();',
    ...runs.map((run) => `console.log(await materialize(defs, ${runCode(run)}));`),
    '',
  ].join('\n');
}

/** The lines that make a world, and its definitions `defs`. */
export function worldCode(world: DefinableWorld): readonly string[] {
  const ops = [...new Set(Object.values(world.steps).map(({ op }) => op))];
  const steps = Object.entries(world.steps).map(([id, step]) => `    ${inspect(id)}: ${stepCode(step, ops)},`);
  return [
    ...ops.map((op, index) => `const op${index} = worldOp(${opCode(op)});`),
    `const world = {\n  sources: ${code(world.sources)},\n  steps: {\n${steps.join('\n')}\n  },\n};`,
    'const defs = defineWorld(world);',
  ];
}

function code(value: unknown): string {
  return inspect(value, { depth: Infinity, breakLength: Infinity, compact: true, maxArrayLength: null, maxStringLength: null });
}

function opCode({ name, inputs, outputs, form, made }: WorldOp): string {
  const ports = inputs.map((each) => ({
    name: each.name,
    kind: each.kind,
    optional: each.optional,
    ...(each.hold === true && { hold: true }),
  }));
  const required = Object.fromEntries(Object.entries(outputs).map(([output, each]) => [output, { required: each.required }]));
  return code({ name, inputs: ports, outputs: required, form, ...made });
}

function stepCode({ definition, name, nest, op, inputs, outputs }: DefinableStep, ops: readonly WorldOp[]): string {
  const at = `op${ops.indexOf(op)}`;
  const fields = code({ definition, name, nest, inputs, outputs });
  return `{ op: ${at}, emit: ${at}.emit, ${fields.slice(1).trimStart()}`;
}

function runCode({ select, unselectedOutputs, inGraphUpstream, crossGraphUpstream }: WorldRun): string {
  const across = crossGraphUpstream === 'load' ? 'load' : 'auto';
  const policies = { select: [...select], unselectedOutputs, inGraphUpstream, crossGraphUpstream: across, throwOnFailure: false };
  return `{ store, sources: world.sources, ${code(policies).slice(1).trimStart()}`;
}

/** A world as a Mermaid flowchart: steps as boxes, sources round, assets named on the edge or behind their step. */
export function printMermaid({ steps, sources }: DefinableWorld): string {
  const ids = new Map([...Object.keys(sources), ...Object.keys(steps)].map((name, index) => [name, `n${index}`]));
  const edges = Object.entries(steps).flatMap(([id, { inputs }]) =>
    inputs.flatMap(({ name, kind, entries }) =>
      entries.map((entry) => {
        const [from, output] = 'source' in entry ? [entry.source, ''] : [entry.step, `${entry.output} `];
        const arrow = kind === 'nothing' ? '-.->' : '-->';
        return `  ${ids.get(from) ?? ''} ${arrow}|"${output}as ${name}"| ${ids.get(id) ?? ''}`;
      }),
    ),
  );
  const nodes = Object.entries(steps).map(([id, { outputs, op }]) => {
    const keys = Object.values(outputs).flatMap(({ asset }) => asset ?? []);
    return `  ${ids.get(id) ?? ''}["${[`${id}: ${op.shown}`, ...keys.map((key) => `= ${key}`)].join('<br>')}"]`;
  });
  return ['flowchart TD', ...Object.keys(sources).map((key) => `  ${ids.get(key) ?? ''}(["${key}"])`), ...nodes, ...edges].join('\n');
}
