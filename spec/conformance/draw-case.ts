import fc from 'fast-check';

/** A case as JSON, before anybody has said what is expected of it; see README.md. */
export interface DrawnCase {
  readonly ops: Readonly<Record<string, DrawnOp>>;
  readonly graph: {
    readonly name: string;
    readonly inputs: readonly string[];
    readonly steps: readonly DrawnStep[];
    readonly outputs: Readonly<Record<string, DrawnOutput>>;
  };
  readonly upstream: Readonly<Record<string, number>>;
  readonly selections: readonly (readonly string[])[];
}

/** An op of a drawn case. */
export interface DrawnOp {
  readonly ins: readonly (readonly [name: string, kind: Kind])[];
  readonly outs: readonly (readonly [name: string, isRequired: boolean])[];
  readonly body: string;
  readonly k: number;
}

/** A step of a drawn case. */
export interface DrawnStep {
  readonly name: string;
  readonly op: string;
  readonly in: Readonly<Record<string, DrawnRef | readonly DrawnOutput[]>>;
}

/** An output of a step. */
export interface DrawnOutput {
  readonly step: string;
  readonly out: string;
}

type Kind = 'value' | 'list' | 'nothing';
type DrawnRef = DrawnOutput | { readonly input: string };

interface StepSeed {
  readonly inputs: readonly { readonly kind: Kind; readonly offsets: readonly number[] }[];
  readonly outputs: readonly { readonly required: boolean; readonly isAsset: boolean }[];
  readonly body: string;
  readonly k: number;
}

/** Cases that Dagster can be asked too: one definition, not nested, lists of outputs of ops alone. */
export function drawnCase(): fc.Arbitrary<DrawnCase> {
  const input = fc.record({
    kind: fc.constantFrom<Kind>('value', 'value', 'value', 'list', 'nothing'),
    offsets: fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 2 }),
  });
  const step = fc.record({
    inputs: fc.array(input, { maxLength: 2 }),
    outputs: fc.array(fc.record({ required: fc.boolean(), isAsset: fc.boolean() }), { minLength: 1, maxLength: 2 }),
    body: fc.constantFrom('selected', 'selected', 'selected', 'tuple', 'data', 'fail', 'omit', 'collapse'),
    k: fc.nat({ max: 9_999 }),
  });
  return fc
    .record({
      seeds: fc.array(step, { minLength: 1, maxLength: 6, size: 'max' }),
      source: fc.nat({ max: 999 }),
      chosen: fc.array(fc.nat({ max: 2 ** 12 - 1 }), { minLength: 3, maxLength: 3 }),
    })
    .map(({ seeds, source, chosen }) => assemble(seeds, source, chosen));
}

function assemble(drawn: readonly StepSeed[], source: number, chosen: readonly number[]): DrawnCase {
  // The first step has no output to make a list of.
  const seeds = drawn.map((seed, at) =>
    at > 0 ? seed : { ...seed, inputs: seed.inputs.map((each) => ({ ...each, kind: withoutList(each.kind) })) },
  );
  const made: DrawnOutput[] = [];
  const read = new Set<string>();
  const steps: DrawnStep[] = [];
  for (const [index, seed] of seeds.entries()) {
    const name = `s${index}`;
    const wires = seed.inputs.map(({ kind, offsets }, i) => [`i${i}`, wireOf(kind, offsets, made)] as const);
    for (const wire of wires.flatMap(([, each]) => each)) if ('step' in wire) read.add(wire.step);
    steps.push({ name, op: `op_${name}`, in: Object.fromEntries(wires) });
    made.push(...seed.outputs.map((_, o) => ({ step: name, out: `o${o}` })));
  }
  const outputs = made.filter(({ step, out }) => {
    const seed = seeds[Number(step.slice(1))];
    // A leaf has to be an asset.
    return seed?.outputs[Number(out.slice(1))]?.isAsset === true || (!read.has(step) && out === 'o0');
  });
  const assets = outputs.map((_, index) => `a${index}`);
  const isUsed = steps.some(({ in: wires }) => Object.values(wires).some((wire) => 'input' in wire));
  return {
    ops: Object.fromEntries(seeds.map((seed, index) => [`op_s${index}`, opOf(seed)])),
    graph: {
      name: 'g',
      inputs: isUsed ? ['x0'] : [],
      steps,
      outputs: Object.fromEntries(outputs.map((each, index) => [`a${index}`, each])),
    },
    upstream: isUsed ? { x0: source } : {},
    selections: selectionsFrom(assets, chosen),
  };
}

function withoutList(kind: Kind): Kind {
  return kind === 'list' ? 'value' : kind;
}

function opOf({ inputs, outputs, body, k }: StepSeed): DrawnOp {
  return {
    ins: inputs.map(({ kind }, i) => [`i${i}`, kind]),
    outs: outputs.map(({ required }, o) => [`o${o}`, required]),
    body,
    k,
  };
}

/** A value or order alone may read the source; a list reads outputs alone, each once. */
function wireOf(kind: Kind, offsets: readonly number[], made: readonly DrawnOutput[]): DrawnRef | readonly DrawnOutput[] {
  const places = new Set(offsets.map((offset) => made.length - (offset % (made.length + 1))));
  if (kind === 'list')
    return [...places].flatMap((place) => made[place] ?? made[0] ?? []).filter((each, at, all) => all.indexOf(each) === at);
  const [place = 0] = places;
  return made[place] ?? { input: 'x0' };
}

function selectionsFrom(assets: readonly string[], chosen: readonly number[]): readonly (readonly string[])[] {
  const some = chosen.map((bits) => assets.filter((_, index) => ((bits >> index) & 1) === 1)).filter(({ length }) => length > 0);
  return [...new Map([...some, assets].map((each) => [each.join(), each])).values()];
}
