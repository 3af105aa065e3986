import type { DefinableStep, DefinableWorld, WorldOp } from './define-world.ts';
import type { WorldBody, WorldEntry } from './reference.ts';

type Steps = Readonly<Record<string, DefinableStep>>;

/** A world with only some of its steps. */
export function keepSteps(world: DefinableWorld, isKept: (id: string) => boolean): DefinableWorld {
  return { ...world, steps: Object.fromEntries(Object.entries(world.steps).filter(([id]) => isKept(id))) };
}

/** A world with each step rewritten. Ids stay. */
function mapSteps(world: DefinableWorld, rewrite: (step: DefinableStep, id: string) => DefinableStep): DefinableWorld {
  return { ...world, steps: Object.fromEntries(Object.entries(world.steps).map(([id, step]) => [id, rewrite(step, id)])) };
}

/** A world in which only some assets are assets; the others are outputs like any other. */
export function keepAssets(world: DefinableWorld, isKept: (asset: string) => boolean): DefinableWorld {
  return mapSteps(world, (step) => {
    const outputs = Object.entries(step.outputs).map(([name, output]) => [
      name,
      { ...output, asset: output.asset !== undefined && isKept(output.asset) ? output.asset : undefined },
    ]);
    return { ...step, outputs: Object.fromEntries(outputs) };
  });
}

/** A world in which one step has a body of its own. */
export function withBody(world: DefinableWorld, id: string, rewrite: (emit: WorldBody) => WorldBody): DefinableWorld {
  return mapSteps(world, (step, each) => {
    if (each !== id) return step;
    const emit = rewrite(step.emit);
    return {
      ...step,
      emit,
      op: { ...step.op, name: `${step.op.name}_of_${step.name}`, plain: false, emit, shown: `${step.op.shown}, rewritten` },
    };
  });
}

/** The steps that read an output of `from`, through any wire, directly or not; `output` narrows that to one output of it. */
export function downstreamSteps({ steps }: DefinableWorld, from: string, output?: string): ReadonlySet<string> {
  const found = new Set<string>();
  const isHit = (entry: WorldEntry): boolean =>
    'step' in entry && (found.has(entry.step) || (entry.step === from && (output === undefined || entry.output === output)));
  // Steps stand after what they read, so one pass finds all.
  for (const [id, { inputs }] of Object.entries(steps)) if (inputs.some(({ entries }) => entries.some(isHit))) found.add(id);
  return found;
}

/** The steps with a path to an asset: the others never run (D6). */
function reachingSteps({ steps }: DefinableWorld): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [id, { inputs, outputs }] of Object.entries(steps).toReversed()) {
    if (!found.has(id) && Object.values(outputs).every(({ asset }) => asset === undefined)) continue;
    found.add(id);
    for (const entry of inputs.flatMap(({ entries }) => entries)) if ('step' in entry) found.add(entry.step);
  }
  return found;
}

/** A world without nested graphs, and the new id of each step. Steps that reach no asset are left out: unnested, they would be refused. */
export function flattened(world: DefinableWorld): { readonly world: DefinableWorld; readonly newId: ReadonlyMap<string, string> } {
  const reaching = reachingSteps(world);
  const kept = keepSteps(world, (id) => reaching.has(id));
  const newId = new Map(
    Object.entries(kept.steps).map(([id, { name, nest }]) => [id, id.slice(0, id.length - [...nest, name].join('.').length) + name]),
  );
  return {
    world: moved(
      mapSteps(kept, (step) => ({ ...step, nest: [] })),
      newId,
    ),
    newId,
  };
}

/** The same steps under other ids, also where they are read. */
function moved(world: DefinableWorld, newId: ReadonlyMap<string, string>): DefinableWorld {
  const at = (entry: WorldEntry): WorldEntry => ('step' in entry ? { ...entry, step: newId.get(entry.step) ?? entry.step } : entry);
  const steps = Object.entries(world.steps).map(([id, step]) => {
    const inputs = step.inputs.map((input) => ({ ...input, entries: input.entries.map(at) }));
    return [newId.get(id) ?? id, { ...step, inputs }];
  });
  return { ...world, steps: Object.fromEntries(steps) };
}

/** Everything but assets and sources under other names: steps, nested graphs, ops, inputs and outputs. */
export function renamed(world: DefinableWorld): { readonly world: DefinableWorld; readonly newId: ReadonlyMap<string, string> } {
  const ops = new Map<WorldOp, WorldOp>();
  const opOf = (op: WorldOp): WorldOp => {
    const known = ops.get(op) ?? renamedOp(op);
    ops.set(op, known);
    return known;
  };
  const entryOf = (entry: WorldEntry): WorldEntry => ('step' in entry ? { ...entry, output: portOf(entry.output) } : entry);
  const other = mapSteps(world, (step) => {
    const op = opOf(step.op);
    const inputs = step.inputs.map(({ name, entries, ...rest }) => ({ ...rest, name: `the_${name}`, entries: entries.map(entryOf) }));
    const outputs = Object.fromEntries(Object.entries(step.outputs).map(([name, output]) => [portOf(name), output]));
    return { ...step, name: `my-${step.name}`, nest: step.nest.map((name) => `my-${name}`), op, emit: op.emit, inputs, outputs };
  });
  const newId = new Map(
    Object.entries(other.steps).map(([id, { name, nest }]) => [
      id,
      (id.includes(':') ? `${id.split(':')[0] ?? ''}:` : '') + [...nest, name].join('.'),
    ]),
  );
  return { world: moved(other, newId), newId };
}

/** `result` stays: it is the name of what an op without declared outputs gives. */
function portOf(name: string): string {
  return name === 'result' ? name : `the_${name}`;
}

function renamedOp(op: WorldOp): WorldOp {
  const before = (name: string): string => name.replace(/^the_/, '');
  return {
    ...op,
    name: `my_${op.name}`,
    inputs: op.inputs.map((input) => ({ ...input, name: `the_${input.name}` })),
    outputs: Object.fromEntries(Object.entries(op.outputs).map(([name, output]) => [portOf(name), output])),
    *emit(inputs, selected) {
      const given = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [before(name), value]));
      for (const [name, value] of op.emit(given, new Set([...selected].map(before)))) yield [portOf(name), value];
    },
  };
}

/** The same world declared in another order: steps (each still after what it reads), and the ports of ops. `pick` chooses among `n`. */
export function shuffled(world: DefinableWorld, pick: (n: number) => number): DefinableWorld {
  const shuffle = <T>(items: readonly T[]): readonly T[] => {
    const rest = [...items];
    return items.flatMap(() => rest.splice(pick(rest.length), 1));
  };
  const ops = new Map<WorldOp, WorldOp>();
  const opOf = (op: WorldOp): WorldOp => {
    const known = ops.get(op) ?? { ...op, inputs: shuffle(op.inputs), outputs: Object.fromEntries(shuffle(Object.entries(op.outputs))) };
    ops.set(op, known);
    return known;
  };
  const turned = mapSteps(world, (step) => {
    const op = opOf(step.op);
    const inputs = op.inputs.flatMap(({ name }) => step.inputs.filter((each) => each.name === name));
    const outputs = Object.keys(op.outputs).flatMap((name) => Object.entries(step.outputs).filter(([each]) => each === name));
    return { ...step, op, inputs, outputs: Object.fromEntries(outputs) };
  });
  const sources = Object.fromEntries(shuffle(Object.entries(world.sources)));
  return { sources, steps: reordered(turned.steps, pick) };
}

function reordered(steps: Steps, pick: (n: number) => number): Steps {
  const rest = new Map(Object.entries(steps));
  const order: (readonly [string, DefinableStep])[] = [];
  while (rest.size > 0) {
    const free = [...rest].filter(([, { inputs }]) =>
      inputs.every(({ entries }) => entries.every((entry) => !('step' in entry) || !rest.has(entry.step))),
    );
    const next = free[pick(free.length)];
    if (next === undefined) break;
    order.push(next);
    rest.delete(next[0]);
  }
  return Object.fromEntries(order);
}
