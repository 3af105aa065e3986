import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { assetsFromGraph, define, graph, op, plan, type AnyGraph, type Definitions, type GivenConfig } from '../../../index.ts';
import type { Handle } from '../../../lib/model/handle.ts';
import { untyped } from '../../operators/rig/untyped.ts';

/** What a graph is made of; a child graph is one that was made before it. Names of children are `c0`, `c1`, … */
interface GraphSpec {
  /** `plain` maps nothing, `fixed` maps without a config of its own, `mapped` maps what it is given. */
  readonly form: 'plain' | 'fixed' | 'mapped';
  readonly children: readonly { readonly nested: boolean; readonly which: number; readonly isMapped: boolean }[];
}

interface World {
  readonly graphs: readonly GraphSpec[];
  readonly given: readonly { readonly kind: 'ops' | 'graphs' | 'steps'; readonly which: number; readonly value: string }[];
}

const world: fc.Arbitrary<World> = fc.record({
  graphs: fc.array(
    fc.record({
      form: fc.constantFrom<GraphSpec['form']>('plain', 'fixed', 'mapped', 'mapped'),
      children: fc.array(fc.record({ nested: fc.boolean(), which: fc.nat(9), isMapped: fc.boolean() }), { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  given: fc.array(
    fc.record({ kind: fc.constantFrom('ops', 'graphs', 'steps'), which: fc.nat(99), value: fc.constantFrom('v', 'w', 'x', 'y', 'z') }),
    { maxLength: 6 },
  ),
});

const OPS = ['taking', 'taking_too', 'plain'] as const;

const makeOps = () =>
  OPS.map((name) => (name === 'plain' ? op({ name, run: () => 1 }) : op({ name, config: z.string().default('none'), run: () => 1 })));

/** A child with what it is, and the name of it. */
interface Child {
  readonly name: string;
  readonly graph: number | undefined;
  readonly op: string;
  readonly isMapped: boolean;
}

function childrenOf({ graphs }: World, index: number): readonly Child[] {
  return (graphs[index]?.children ?? []).map(({ nested, which, isMapped }, at) => {
    const inner = nested && index > 0 ? which % index : undefined;
    const name = OPS[which % OPS.length] ?? 'plain';
    const takes = inner === undefined ? name !== 'plain' : graphs[inner]?.form === 'mapped';
    return { name: `c${at}`, graph: inner, op: name, isMapped: isMapped && takes };
  });
}

/** Builds every graph; the last one backs two definitions. `asked` gets the name of a graph each time that its mapConfig is called. */
function build(spec: World, asked: string[]): Definitions {
  const ops = makeOps();
  const built: AnyGraph[] = [];
  for (const [index, { form }] of spec.graphs.entries()) {
    const children = childrenOf(spec, index);
    const mapConfig = (own: unknown): Readonly<Record<string, unknown>> => {
      asked.push(`g${index}`);
      return Object.fromEntries(children.flatMap(({ name, isMapped }) => (isMapped ? [[name, `${String(own)}/${name}`]] : [])));
    };
    const options = { plain: {}, fixed: { mapConfig }, mapped: { mapConfig, config: z.string().default(`g${index}`) } }[form];
    const body = (): Readonly<Record<string, Handle>> =>
      Object.fromEntries(
        children.flatMap((child) => {
          const target = child.graph === undefined ? ops.find(({ name }) => name === child.op) : built[child.graph];
          const made: object = untyped<{ as(name: string): () => object }>(target).as(child.name)();
          return 'handle' in made
            ? [[child.name, untyped<Handle>(made)] as const]
            : Object.entries(made).map(([output, handle]) => [`${child.name}_${output}`, untyped<Handle>(handle)] as const);
        }),
      );
    built.push(graph(`g${index}`, untyped(options), body));
  }
  const last = untyped<Parameters<typeof assetsFromGraph>[0]>(built.at(-1));
  return define({
    assets: [assetsFromGraph(last, { name: 'one', keyPrefix: 'one' }), assetsFromGraph(last, { name: 'two', keyPrefix: 'two' })],
  });
}

/** A place of an op or a graph, written down the simplest way: what it takes, and what each of those who may give it something gave. */
interface Model {
  readonly ops: Map<string, string | undefined>;
  readonly takers: { readonly ops: Set<string>; readonly graphs: Set<string>; readonly steps: Set<string> };
}

interface At {
  readonly index: number;
  readonly path: string;
  readonly definition: string;
  readonly mapped: string | undefined;
}

function walk(spec: World, given: GivenConfig, model: Model, { index, path, definition, mapped }: At): void {
  const form = spec.graphs[index]?.form;
  const name = `g${index}`;
  const by = (kind: keyof GivenConfig, key: string): string | undefined => given[kind]?.[key] as string | undefined;
  const isRoot = path === '';
  const id = `${definition}:${path}`;
  if (form === 'mapped') {
    model.takers.graphs.add(name);
    if (!isRoot) model.takers.steps.add(id);
  }
  const own = form === 'fixed' ? 'undefined' : ((isRoot ? undefined : by('steps', id)) ?? mapped ?? by('graphs', name) ?? name);
  for (const child of childrenOf(spec, index)) {
    const at = isRoot ? child.name : `${path}.${child.name}`;
    const gives = form !== 'plain' && child.isMapped ? `${own}/${child.name}` : undefined;
    if (child.graph !== undefined) walk(spec, given, model, { index: child.graph, path: at, definition, mapped: gives });
    else if (child.op === 'plain') model.ops.set(`${definition}:${at}`, undefined);
    else {
      model.takers.ops.add(child.op);
      model.takers.steps.add(`${definition}:${at}`);
      model.ops.set(`${definition}:${at}`, by('steps', `${definition}:${at}`) ?? gives ?? by('ops', child.op) ?? 'none');
    }
  }
}

function model(spec: World, given: GivenConfig): Model {
  const made: Model = { ops: new Map(), takers: { ops: new Set(), graphs: new Set(), steps: new Set() } };
  for (const definition of ['one', 'two'])
    walk(spec, given, made, { index: spec.graphs.length - 1, path: '', definition, mapped: undefined });
  return made;
}

function givenTo(spec: World): GivenConfig {
  const { takers } = model(spec, {});
  const given: Record<string, Record<string, string>> = { ops: {}, graphs: {}, steps: {} };
  for (const { kind, which, value } of spec.given) {
    const names = [...takers[kind]];
    const name = names[which % Math.max(1, names.length)];
    if (name !== undefined) Object.assign(given[kind] ?? {}, { [name]: value });
  }
  return given;
}

test('whatever is nested in whatever: a step has what it is given itself, else what its graph maps, else what its op is given, else the default', () => {
  let maps = 0;
  const law = fc.property(world, (spec) => {
    const asked: string[] = [];
    const defs = build(spec, asked);
    const given = givenTo(spec);
    const planned = plan(defs, { config: given });
    expect(new Map(planned.steps.map(({ step, config }) => [step.id, config?.value]))).toEqual(model(spec, given).ops);
    // Each place of a graph is asked once, however many steps are in it.
    const places = new Set(defs.graph.steps.flatMap(({ definition, within }) => within.map(({ path }) => `${definition}:${path}`)));
    expect(asked.length).toBeLessThanOrEqual(places.size);
    expect(plan(defs, { config: given }).hash).toBe(planned.hash);
    maps += [...model(spec, given).ops.values()].filter((value) => value?.includes('/') === true).length;
  });
  fc.assert(law, { numRuns: 300 });
  expect(maps).toBeGreaterThan(100);
});
