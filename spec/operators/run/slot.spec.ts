import { of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { asset, define, emit, graph, assetsFromGraph, input, materialize, op, optional, output, StepError } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

/** What a TypeError of strict mode says when something frozen is written to. */
const frozenError = expect.objectContaining({ code: 'OP_THREW', cause: expect.any(TypeError) });

describe('a value is fixed at emission (X13)', () => {
  const mutations: Readonly<Record<string, (value: { rows: { n: number }[]; deep: { list: number[][] } }) => void>> = {
    'sets a field': (value) => void (value.rows = []),
    'adds a field': (value) => void Object.assign(value, { extra: 1 }),
    'deletes a field': (value) => void delete (value as Partial<typeof value>).rows,
    'pushes to a list': (value) => void value.rows.push({ n: 9 }),
    'sets a nested field': (value) => {
      const [first] = value.rows;
      if (first !== undefined) first.n = 2;
    },
    'sorts a nested list': (value) => void value.deep.list[0]?.sort(),
  };
  const make = (): { rows: { n: number }[]; deep: { list: number[][] } } => ({ rows: [{ n: 1 }], deep: { list: [[3, 1, 2]] } });

  for (const [name, mutate] of Object.entries(mutations)) {
    test(`a body that ${name} of an input fails with a TypeError, between ops and on assets`, async () => {
      const source = op({ name: 'source', run: make });
      const spoil = op({ name: 'spoil', inputs: { value: input<ReturnType<typeof make>>() }, run: ({ value }) => mutate(value) });
      for (const keep of [true, false]) {
        const defs = whole(() => {
          const value = source();
          return { ...(keep && { value }), spoilt: spoil({ value }) };
        });
        const result = await materialize(defs, { throwOnFailure: false });
        expect(result.errors).toEqual([frozenError]);
      }
    });
  }

  test('a list input is frozen itself, and so is the record of inputs', async () => {
    const one = op({ name: 'one', run: () => 1 });
    const reads = op({
      name: 'reads',
      inputs: { all: input<number>() },
      run: (inputs) => {
        expect(Object.isFrozen(inputs)).toBe(true);
        return 0;
      },
    });
    const result = await materialize(whole(() => ({ reads: reads({ all: one() }) })));
    expect(result.value('reads')).toBe(0);
  });

  test('a loaded value is frozen too, and so is the value of a source', async () => {
    const defs = define({
      assets: [
        asset({ key: 'up', run: () => ({ list: [1] }) }),
        asset({ key: 'down', inputs: { up: input<{ list: number[] }>() }, run: ({ up }) => void up.list.push(2) }),
      ],
    });
    const store = memoryStore();
    await materialize(defs, { store, select: ['up'] });
    const result = await materialize(defs, { store, select: ['down'], throwOnFailure: false });
    expect(result.errors).toEqual([frozenError]);
  });

  test('a generator that changes plain data after it has emitted it fails, and nothing of it is recorded', async () => {
    const make = op({
      name: 'make',
      outputs: { first: output<number[]>(), second: output<number>() },
      *run() {
        const list = [1];
        yield emit('first', list);
        list.push(2);
        yield emit('second', 2);
      },
    });
    const store = memoryStore();
    const result = await materialize(
      whole(() => ({ ...make() })),
      { store, throwOnFailure: false },
    );
    expect(result.errors).toEqual([frozenError]);
    expect(await store.value('first')).toBeUndefined();
  });

  const mutable: Readonly<Record<string, readonly [make: () => unknown, mutate: (value: never) => void]>> = {
    'a Map': [() => new Map([['a', 1]]), (value: Map<string, number>) => void value.set('a', 2)],
    'a Set': [() => new Set([1]), (value: Set<number>) => void value.add(2)],
    'a Date': [() => new Date(0), (value: Date) => void value.setTime(5)],
    'a typed array': [() => new Float64Array([1, 2]), (value: Float64Array) => void value.fill(7)],
    'a Map in plain data': [
      () => ({ deep: [new Map([['a', 1]])] }),
      (value: { deep: Map<string, number>[] }) => void value.deep[0]?.set('b', 3),
    ],
  };
  for (const [name, [create, mutate]] of Object.entries(mutable)) {
    test(`${name} is versioned and recorded as it was emitted, although its body changes it later`, async () => {
      const change = (value: unknown): void => mutate(untyped(value));
      const bodies = {
        *generator() {
          const value = create();
          yield emit('value', value);
          change(value);
        },
        async *asyncGenerator() {
          const value = create();
          yield emit('value', value);
          await Promise.resolve();
          change(value);
        },
        observable: () => {
          const value = create();
          return {
            lift: () => undefined,
            subscribe: (observer: { next(value: unknown): void; complete(): void }) => {
              observer.next(emit('value', value));
              change(value);
              observer.complete();
            },
          };
        },
        afterwards: () => {
          const value = create();
          queueMicrotask(() => change(value));
          return { value };
        },
      };
      const before = memoryStore();
      await materialize(
        whole(() => ({ ...op({ name: 'calm', outputs: { value: output<unknown>() }, run: () => ({ value: create() }) })() })),
        { store: before },
      );
      const calm = await before.latest('value');
      for (const run of Object.values(bodies)) {
        const store = memoryStore();
        const make = op({ name: 'make', outputs: { value: output<unknown>() }, run: untyped<() => never>(run) });
        await materialize(
          whole(() => ({ ...make() })),
          { store },
        );
        await ready();
        expect(await store.value('value')).toEqual(create());
        expect(await store.latest('value')).toMatchObject({ version: calm !== undefined && 'version' in calm ? calm.version : '' });
      }
    });
  }

  test('metadata is taken as it was emitted too', async () => {
    const make = op({
      name: 'make',
      outputs: { value: output<number>() },
      *run() {
        const metadata = { rows: 1 };
        yield emit('value', 1, { metadata });
        metadata.rows = 2;
      },
    });
    const result = await materialize(
      whole(() => ({ ...make() })),
      { throwOnFailure: false },
    );
    expect(result.errors).toEqual([frozenError]);
  });

  test('the same value passed along a chain keeps its version, step by step and in the records of inputs', async () => {
    const value = { rows: [1, 2, 3] };
    const start = op({ name: 'start', run: () => value });
    const pass = op({ name: 'pass', inputs: { value: input<typeof value>() }, run: (inputs) => inputs.value });
    const store = memoryStore();
    const result = await materialize(
      whole(() => ({ end: pass.as('third')({ value: pass.as('second')({ value: pass.as('first')({ value: start() }) }) }) })),
      { store },
    );
    expect(result.value('end')).toBe(value);
    const settled = ofType(await logOf(store), 'step-settled');
    const versions = settled.flatMap(({ outputs, inputs }) =>
      [...outputs, ...inputs].flatMap(({ state }) => ('version' in state ? [state.version] : [])),
    );
    expect(versions).toHaveLength(7);
    expect(new Set(versions).size).toBe(1);
  });

  test('equal values have equal versions, whatever form they were emitted in', async () => {
    const plain = op({ name: 'plain', outputs: { a: output<unknown>() }, run: () => ({ a: { x: 1, y: [2] } }) });
    const late = op({ name: 'late', outputs: { b: output<unknown>() }, run: async () => ({ b: { y: [2], x: 1 } }) });
    const emitted = op({
      name: 'emitted',
      outputs: { c: output<unknown>() },
      run: () => of(emit('c', Object.freeze({ x: 1, y: Object.freeze([2]) }))),
    });
    const store = memoryStore();
    await materialize(
      whole(() => ({ ...plain(), ...late(), ...emitted() })),
      { store },
    );
    const versions = ofType(await logOf(store), 'asset-materialized').map(({ version }) => version);
    expect(new Set(versions).size).toBe(1);
  });
});

describe('what cannot be stored (R6)', () => {
  class Point {
    x = 1;
  }
  const cyclic = (): unknown => {
    const value: Record<string, unknown> = { a: [] };
    value['a'] = [{ back: value }];
    return value;
  };
  const deep = (): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < 1200; level += 1) value = [value];
    return value;
  };
  const unstorable: readonly (readonly [name: string, make: () => unknown, path: string])[] = [
    ['an instance of a class', () => ({ rows: [0, { at: new Point() }] }), '$.rows[1].at'],
    ['a function', () => ({ f: () => 1 }), '$.f'],
    ['a symbol', () => [Symbol('s')], '$[0]'],
    ['a cycle', cyclic, '$.a[0].back'],
    ['a promise', () => ({ later: Promise.resolve(1) }), '$.later'],
    ['an Error', () => ({ error: new Error('x') }), '$.error'],
    [
      'a getter',
      () => ({
        a: {
          get b(): number {
            return 1;
          },
        },
      }),
      '$.a.b',
    ],
    ['a Proxy', () => ({ p: new Proxy({}, {}) }), '$.p'],
    ['a WeakMap', () => new WeakMap(), '$'],
  ];

  for (const [name, make, path] of unstorable) {
    test(`on an asset, ${name} fails the step, with the path inside the value, and nothing of the step is recorded`, async () => {
      const both = op({ name: 'both', outputs: { fine: output<number>(), bad: output<unknown>() }, run: () => ({ fine: 1, bad: make() }) });
      const store = memoryStore();
      const result = await materialize(
        whole(() => ({ ...both() })),
        { store, throwOnFailure: false },
      );
      expect(result.errors).toMatchObject([{ code: 'VALUE_NOT_STORABLE', details: { step: 'both', output: 'bad', path } }]);
      expect(result.errors[0]?.message).toContain(path);
      expect(result.errors[0]).toBeInstanceOf(StepError);
      expect(await store.value('fine')).toBeUndefined();
      expect(Object.fromEntries(result.outcomes)).toEqual({ fine: 'failed', bad: 'failed' });
    });

    test(`between two ops, ${name} passes by reference, with a version of this run`, async () => {
      const value = make();
      const makes = op({ name: 'makes', run: () => value });
      const reads = op({ name: 'reads', inputs: { value: input<unknown>() }, run: ({ value: got }) => Object.is(got, value) });
      const defs = whole(() => ({ same: reads({ value: makes() }) }));
      const store = memoryStore();
      await materialize(defs, { store });
      const second = await materialize(defs, { store });
      expect(second.value('same')).toBe(true);
      const versions = ofType(await logOf(store), 'step-settled').flatMap(({ outputs, step }) =>
        step === 'makes' ? outputs.map(({ state }) => ('version' in state ? state.version : '')) : [],
      );
      expect(versions).toHaveLength(2);
      expect(new Set(versions).size).toBe(2);
      for (const version of versions) expect(version).toMatch(/^run:/);
    });
  }

  test('a value nested deeper than 1,000 levels fails on an asset and passes between ops', async () => {
    const makes = op({ name: 'makes', run: deep });
    const reads = op({ name: 'reads', inputs: { value: input<unknown>() }, run: ({ value }) => Array.isArray(value) });
    const result = await materialize(
      whole(() => {
        const value = makes();
        return { value, read: reads({ value }) };
      }),
      { throwOnFailure: false },
    );
    expect(result.errors).toMatchObject([{ code: 'VALUE_NOT_STORABLE' }]);
    const alone = await materialize(whole(() => ({ read: reads({ value: makes() }) })));
    expect(alone.value('read')).toBe(true);
  });

  test('metadata that is no record fails the step', async () => {
    const odd = op({
      name: 'odd',
      outputs: { value: output<number>() },
      *run() {
        yield emit('value', 1, untyped({ metadata: [1] }));
      },
    });
    const { errors } = await materialize(
      whole(() => odd()),
      { throwOnFailure: false },
    );
    expect(errors).toEqual([expect.objectContaining({ code: 'OP_BODY', message: expect.stringContaining('metadata that is an array') })]);
  });

  test('metadata that cannot be stored fails the step', async () => {
    const make = op({
      name: 'make',
      outputs: { value: output<number>() },
      *run() {
        yield emit('value', 1, { metadata: { at: new Point() } });
      },
    });
    const result = await materialize(
      whole(() => ({ ...make() })),
      { throwOnFailure: false },
    );
    expect(result.errors).toMatchObject([{ code: 'VALUE_NOT_STORABLE', details: { path: '$.at' } }]);
  });

  test('a value that no run needs may be anything', async () => {
    const both = op({
      name: 'both',
      outputs: { fine: output<number>(), bad: optional<unknown>() },
      run: () => ({ fine: 1, bad: new Point() }),
    });
    const defs = whole(() => ({ ...both() }));
    expect((await materialize(defs, { select: ['fine'] })).value('fine')).toBe(1);
    const all = await materialize(defs, { select: ['fine'], unselectedOutputs: 'materialize', throwOnFailure: false });
    expect(all.errors).toMatchObject([{ code: 'VALUE_NOT_STORABLE', details: { output: 'bad' } }]);
  });

  test('beyond need and no asset, a value may be anything under unselectedOutputs "materialize" (X7)', async () => {
    const both = op({
      name: 'both',
      outputs: { fine: output<number>(), bad: optional<unknown>() },
      run: () => ({ fine: 1, bad: new Point() }),
    });
    const defs = define({ assets: [assetsFromGraph(graph('g', () => ({ fine: both().fine })))] });
    expect((await materialize(defs, { unselectedOutputs: 'materialize' })).value('fine')).toBe(1);
  });

  test('a transient output passes by reference, whatever it holds', async () => {
    const value = { rows: [1] };
    const makes = op({ name: 'makes', outputs: { out: output<typeof value>({ transient: true }) }, run: () => ({ out: value }) });
    const reads = op({ name: 'reads', inputs: { value: input<typeof value>() }, run: (inputs) => inputs.value === value });
    const store = memoryStore();
    const result = await materialize(
      whole(() => ({ same: reads({ value: makes().out }) })),
      { store },
    );
    expect(result.value('same')).toBe(true);
    const [settled] = ofType(await logOf(store), 'step-settled');
    expect(settled?.outputs[0]?.state).toMatchObject({ version: expect.stringMatching(/^run:/) });
  });

  test('a large value goes through', async () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => ({ id: index, name: `row ${index}` }));
    const store = memoryStore();
    await materialize(define({ assets: [asset({ key: 'rows', run: () => rows })] }), { store });
    expect(await store.value('rows')).toEqual(rows);
  });
});
