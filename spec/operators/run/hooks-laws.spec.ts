import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, list, materialize, op, optional, type Hooks, type LoggedEvent } from '../../../index.ts';
import type { Handle } from '../../../lib/model/handle.ts';
import { ready } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';

/** A step of a random graph: where it is, what it reads, what becomes of it, and which hooks there are around it. */
interface Node {
  /** How deep in nested graphs of its own it is. */
  readonly depth: number;
  /** How many outputs it has. */
  readonly outputs: number;
  /** Offsets back to steps that it reads. */
  readonly reads: readonly number[];
  readonly does: 'emit' | 'some' | 'none' | 'throw' | 'later' | 'retry';
  readonly mask: number;
  readonly isAsset: boolean;
}

const HOOK_NAMES = ['onSuccess', 'onFailure', 'onSkip', 'onMaterialization'] as const;

const nodes: fc.Arbitrary<readonly Node[]> = fc.array(
  fc.record({
    depth: fc.nat({ max: 2 }),
    outputs: fc.integer({ min: 1, max: 3 }),
    reads: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
    does: fc.constantFrom<Node['does']>('emit', 'emit', 'emit', 'some', 'none', 'throw', 'later', 'retry'),
    mask: fc.nat({ max: 0xfffff }),
    isAsset: fc.boolean(),
  }),
  { minLength: 1, maxLength: 7 },
);

/** A call of a hook: whose, which, and what it was told that the log knows too. */
type Call = readonly [of: string, hook: string, step: string, attempts: number, key: string | undefined, position: number | undefined];

interface Scene {
  readonly calls: Call[];
  /** What some hooks do after they have written down that they were called. */
  readonly misbehave: (mask: number) => unknown;
}

/** Hooks by four bits of a mask: none where all are 0. */
function hooksOf({ calls, misbehave }: Scene, of: string, mask: number): Hooks | undefined {
  const names = HOOK_NAMES.filter((_, bit) => ((mask >> bit) & 1) === 1);
  if (names.length === 0) return undefined;
  type Told = { readonly step: string; readonly attempts: number; readonly key?: string; readonly position?: number };
  const hook =
    (name: string) =>
    ({ step, attempts, key, position }: Told): unknown => {
      calls.push([of, name, step, attempts, key, position]);
      return misbehave(mask);
    };
  return Object.fromEntries(names.map((name) => [name, hook(name)]));
}

function withHooks(hooks: Hooks | undefined): { readonly hooks?: Hooks } {
  return hooks === undefined ? {} : { hooks };
}

function bodyOf({ does, outputs, mask }: Node): () => unknown {
  let tries = 0;
  const some = Array.from({ length: outputs }, (_, index) => index).filter((index) => does !== 'some' || ((mask >> index) & 1) === 1);
  const record = (): object => (does === 'none' ? {} : Object.fromEntries(some.map((index) => [`o${index}`, index + mask])));
  return () => {
    tries += 1;
    if (does === 'throw' || (does === 'retry' && tries === 1)) throw new Error('no');
    return does === 'later' ? Promise.resolve(record()) : record();
  };
}

/** Where the steps are, for the naive fold: by id, the owners around it, inside out, and its key by output. */
interface Place {
  readonly around: readonly { readonly of: string; readonly mask: number }[];
  readonly keys: ReadonlyMap<string, string>;
}

type Placeable = (wiring: { readonly all: readonly Handle[] }) => Readonly<Record<string, Handle>>;

const outputNames = ({ outputs }: Node): readonly string[] => Array.from({ length: outputs }, (_, at) => `o${at}`);

function opOf(node: Node, name: string, scene: Scene): Placeable {
  const outputs = Object.fromEntries(outputNames(node).map((output) => [output, optional<number>()]));
  return untyped(
    op({
      name,
      inputs: { all: list<number>() },
      outputs,
      retry: { max: node.does === 'retry' ? 1 : 0 },
      ...withHooks(hooksOf(scene, `op "${name}"`, node.mask)),
      run: untyped<() => Record<never, number>>(bodyOf(node)),
    }),
  );
}

/** A node, in as many nested graphs of its own as it is deep. */
function nest(
  node: Node,
  index: number,
  scene: Scene,
): { readonly target: Placeable; readonly path: string; readonly around: Place['around'] } {
  let target = opOf(node, `s${index}`, scene);
  let path = `s${index}`;
  const around = [{ of: `op "s${index}"`, mask: node.mask }];
  for (let level = 0; level < node.depth; level += 1) {
    const inner = target;
    const name = `g${index}_${level}`;
    const mask = node.mask >> (4 * (level + 1));
    const options = { inputs: { all: list<number>() }, ...withHooks(hooksOf(scene, `graph "${name}"`, mask)) };
    target = untyped(graph(name, options, (given) => inner(untyped(given))));
    path = `${name}.${path}`;
    around.push({ of: `graph "${name}"`, mask });
  }
  return { target, path, around };
}

/** Builds a graph of the nodes. What nobody reads has to be an asset. */
function build(all: readonly Node[], scene: Scene, rootMask: number) {
  const places = new Map<string, Place>();
  const root = graph('root', withHooks(hooksOf(scene, 'graph "root"', rootMask)), () => {
    const made: Readonly<Record<string, Handle>>[] = [];
    const read = new Set<number>();
    const paths = all.map((node, index) => {
      const { target, path, around } = nest(node, index, scene);
      const from = [...new Set(node.reads)].map((offset) => index - offset).filter((at) => at >= 0);
      from.forEach((at) => read.add(at));
      made.push(
        target({ all: from.map((at) => made[at]?.[`o${node.mask % (all[at]?.outputs ?? 1)}`]).filter((each) => each !== undefined) }),
      );
      places.set(path, { around: [...around, { of: 'graph "root"', mask: rootMask }], keys: new Map() });
      return path;
    });
    const results = all.flatMap((node, index) => {
      if (!node.isAsset && read.has(index)) return [];
      const keys = new Map(outputNames(node).map((output) => [output, `s${index}_${output}`]));
      const path = paths[index] ?? '';
      places.set(path, { around: places.get(path)?.around ?? [], keys });
      return [...keys].flatMap(([output, key]): [string, Handle][] => {
        const handle = made[index]?.[output];
        return handle === undefined ? [] : [[key, handle]];
      });
    });
    return Object.fromEntries(results);
  });
  const hooks = Object.fromEntries(
    root.outputNames.flatMap((key) => {
      const own = hooksOf(scene, `asset "${key}"`, maskOfKey(all, key));
      return own === undefined ? [] : [[key, own]];
    }),
  );
  return { defs: define({ assets: [assetsFromGraph(root, { canSubset: true, hooks })] }), places };
}

/** The bits for the hooks of an asset. */
function maskOfKey(all: readonly Node[], key: string): number {
  return (all[Number(key.slice(1, key.indexOf('_')))]?.mask ?? 0) >> 12;
}

/** What the log says that hooks were to be called for, told again in the plainest way. */
function fold(
  log: readonly LoggedEvent[],
  places: ReadonlyMap<string, Place>,
  { nodes: all, runMask }: { readonly nodes: readonly Node[]; readonly runMask: number },
): readonly Call[] {
  const calls: Call[] = [];
  const bit = (hook: string): number => HOOK_NAMES.findIndex((name) => name === hook);
  let attempts = 0;
  const tell = (step: string, hook: string, keys: readonly string[], made: readonly [string | undefined, number | undefined]): void => {
    const owners = [
      ...(places.get(step)?.around ?? []),
      ...keys.map((key) => ({ of: `asset "${key}"`, mask: maskOfKey(all, key) })),
      { of: 'the run', mask: runMask },
    ];
    for (const { of, mask } of owners) if (((mask >> bit(hook)) & 1) === 1) calls.push([of, hook, step, attempts, ...made]);
  };
  for (const event of log) {
    if (event.type === 'step-settled') {
      attempts = event.attempts;
      const hook = { succeeded: 'onSuccess', failed: 'onFailure', skipped: 'onSkip', blocked: '', cancelled: '' }[event.outcome];
      const needed = event.outputs.flatMap(({ output }) => places.get(event.step)?.keys.get(output) ?? []);
      if (hook !== '') tell(event.step, hook, needed, [undefined, undefined]);
    }
    if (event.type === 'asset-materialized') tell(event.step, 'onMaterialization', [event.key], [event.key, event.position]);
  }
  return calls;
}

const cases = fc.record({
  nodes,
  rootMask: fc.nat({ max: 15 }),
  runMask: fc.nat({ max: 15 }),
  chosen: fc.nat({ max: 0xffffff }),
  hold: fc.boolean(),
});

describe('for any graph, failures, selection and hooks', () => {
  test('the hooks that are called are those that the log says, in its order', async () => {
    let most = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const scene: Scene = { calls: [], misbehave: () => undefined };
        const { defs, places } = build(given.nodes, scene, given.rootMask);
        const keys = [...defs.assets.keys()];
        const select = keys.filter((_, index) => ((given.chosen >> (index % 24)) & 1) === 1);
        const { store } = watchedStore(given.hold ? { beforeAppend: () => ready(1) } : {});
        const hooks = hooksOf(scene, 'the run', given.runMask);
        await materialize(defs, untyped({ store, select, throwOnFailure: false, ...withHooks(hooks) }));
        expect(scene.calls).toEqual(fold(await logOf(store), places, given));
        most = Math.max(most, scene.calls.length);
      }),
      { numRuns: 150 },
    );
    // Or the law would hold of nothing.
    expect(most).toBeGreaterThan(10);
  });

  test('hooks that fail change nothing but that the log tells so, once each', async () => {
    let told = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const quiet: Scene = { calls: [], misbehave: () => undefined };
        const loud: Scene = {
          calls: [],
          misbehave: (mask) => {
            if (mask % 2 === 0) return Promise.reject(new Error('later'));
            throw new Error('at once');
          },
        };
        const logs = await Promise.all(
          [quiet, loud].map(async (scene) => {
            const { defs } = build(given.nodes, scene, given.rootMask);
            const { store } = watchedStore();
            const hooks = hooksOf(scene, 'the run', given.runMask);
            await materialize(defs, { store, throwOnFailure: false, ...withHooks(hooks) });
            return logOf(store);
          }),
        );
        const [calm, wild] = logs.map((log) => log.filter(({ type }) => type !== 'hook-failed').map(plain));
        expect(wild?.sort()).toEqual(calm?.sort());
        const failed = (logs[1] ?? []).flatMap((event) =>
          event.type === 'hook-failed' ? [`${event.of} ${event.hook} ${event.step}`] : [],
        );
        expect(failed.sort()).toEqual(loud.calls.map(([of, hook, step]) => `${of} ${hook} ${step}`).sort());
        told += failed.length;
      }),
      { numRuns: 100 },
    );
    expect(told).toBeGreaterThan(100);
  });
});

/** An event without what differs from run to run, as text. */
function plain(event: LoggedEvent): string {
  return JSON.stringify(partsOf(event));
}

function partsOf(event: LoggedEvent): unknown {
  const { type } = event;
  if (type === 'step-settled') return [type, event.step, event.outcome, event.outputs, event.attempts];
  if (type === 'asset-materialized') return [type, event.key, event.version];
  return 'key' in event ? [type, event.key] : [type];
}
