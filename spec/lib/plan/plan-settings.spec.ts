import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, assetsFromGraph, define, graph, op, plan, runGraph, type GivenConfig, type Plan, type Schema } from '../../../index.ts';
import { untyped } from '../../operators/rig/untyped.ts';
import { expectSelectionError } from './selection-refusal.ts';

const of = (config: Schema) => define({ assets: [asset({ key: 'a', config, run: () => 1 })] });
const any = of(z.unknown());
const given = (value: unknown): GivenConfig => ({ ops: { a: value } });

const hashes = (planned: Plan): readonly (string | undefined)[] => planned.steps.map(({ config }) => config?.hash);

describe('the hash of a config', () => {
  test('is equal for equal config, whatever the order of its fields and however it was given', () => {
    const one = plan(any, { config: given({ x: 1, y: [{ z: 2 }] }) });
    const others = [
      plan(any, { config: given({ y: [{ z: 2 }], x: 1 }) }),
      plan(any, { config: { steps: { a: { x: 1, y: [{ z: 2 }] } } } }),
      plan(of(z.unknown().default({ x: 1, y: [{ z: 2 }] }))),
    ];
    expect(hashes(one)).toEqual([expect.stringMatching(/^sha256:[0-9a-f]{64}$/)]);
    for (const other of others) {
      expect(hashes(other)).toEqual(hashes(one));
      expect(other.hash).toBe(one.hash);
    }
  });

  test('tells apart what differs, and with it the hash of the plan', () => {
    const values = [undefined, null, 0, '0', '', [], {}, { x: 1 }, { x: '1' }, { x: 2 }, { x: 1, y: undefined }, { X: 1 }, [1], 1n];
    const plans = values.map((value) => plan(any, { config: given(value) }));
    expect(new Set(plans.flatMap(hashes)).size).toBe(values.length);
    expect(new Set(plans.map(({ hash }) => hash)).size).toBe(values.length);
    expect(plan(define({ assets: [asset({ key: 'a', run: () => 1 })] })).hash).not.toBe(plans[0]?.hash);
  });

  test('is of what the schema makes of it', () => {
    const trimmed = of(z.string().trim().default('x'));
    expect(hashes(plan(trimmed, { config: given('  x ') }))).toEqual(hashes(plan(trimmed)));
    expect(hashes(plan(trimmed, { config: given('y') }))).not.toEqual(hashes(plan(trimmed)));
  });

  test('is of what was given where the schema makes something of it that has no bytes', () => {
    const link = of(z.string().transform((text) => new URL(text)));
    const urls = ['https://a.test/', 'https://a.test/', 'https://b.test/'].map((text) => plan(link, { config: given(text) }));
    expect(urls[0]?.steps[0]?.config?.value).toEqual(new URL('https://a.test/'));
    expect(urls[0]?.hash).toBe(urls[1]?.hash);
    expect(urls[0]?.hash).not.toBe(urls[2]?.hash);
    expect(urls.flatMap(hashes).slice(0, 1)).toEqual(hashes(plan(any, { config: given('https://a.test/') })));
  });

  test('of a config that has no bytes either way is refused, with its place', () => {
    const error = expectSelectionError(
      () => plan(any, { config: given({ rows: [1, { link: new URL('https://a.test/') }] }) }),
      'INVALID_CONFIG',
      'The config of step "a", given for op "a", holds an instance of URL at $.rows[1].link. Give plain data: its hash is part of what a run records.',
    );
    expect(error.details).toEqual({ step: 'a' });
    for (const value of [() => 1, Symbol('s'), { run: () => 1 }])
      expectSelectionError(() => plan(any, { config: given(value) }), 'INVALID_CONFIG', 'Give plain data');
  });

  test('does not count what no step of the plan is given', () => {
    const sized = op({ name: 'sized', config: z.number().default(1), run: (_, { config }) => config });
    const both = graph('both', () => ({ left: sized.as('l')(), right: sized.as('r')() }));
    const defs = define({ assets: [assetsFromGraph(both, { canSubset: true })] });
    const left = (config: GivenConfig): string => plan(defs, { select: ['left'], config }).hash;
    expect(left({ steps: { r: 5 } })).toBe(left({}));
    expect(left({ steps: { l: 5 } })).not.toBe(left({}));
    expect(left({ ops: { sized: 5 }, steps: { l: 1 } })).toBe(left({}));
  });
});

describe('what is frozen', () => {
  const libraries: readonly (readonly [string, Schema])[] = [
    ['zod', z.object({ rows: z.array(z.object({ id: z.number() })) })],
    ['valibot', v.object({ rows: v.array(v.object({ id: v.number() })) })],
    ['arktype', type({ rows: type({ id: 'number' }).array() })],
  ];
  test.each(libraries)('what a body gets, all the way down, made by %s', (_, config) => {
    const planned = plan(of(config), { config: given({ rows: [{ id: 1 }] }) });
    const made = planned.steps[0]?.config;
    const { rows } = untyped<{ rows: readonly object[] }>(made?.value);
    expect([made, made?.value, rows, rows[0]].map(Object.isFrozen)).toEqual([true, true, true, true]);
  });

  test('the plain data around what has no bytes', () => {
    const config = z.object({ link: z.string().transform((text) => new URL(text)) });
    const made = plan(of(config), { config: given({ link: 'https://a.test/' }) }).steps[0]?.config;
    expect([made, made?.value].map(Object.isFrozen)).toEqual([true, true]);
  });

  test("the plan's own record of what was given: what its maker does later changes nothing", () => {
    const config = { ops: { a: 1 } };
    const planned = plan(any, { config });
    config.ops.a = 2;
    Object.assign(config, { steps: { a: 3 } });
    expect(planned.config).toEqual({ ops: { a: 1 } });
    expect([planned.config, planned.config.ops].map(Object.isFrozen)).toEqual([true, true]);
    expect(plan(any).config).toEqual({});
  });
});

describe('pools', () => {
  const steps = [
    asset({ key: 'a', pool: 'api', run: () => 1 }),
    asset({ key: 'b', pool: 'disk', run: () => 1 }),
    asset({ key: 'c', run: () => 1 }),
  ];
  const defs = define({ assets: steps, pools: { api: 3 } });
  const sizes = ({ pools }: Plan): unknown => Object.fromEntries(pools);

  test('have the size that the definitions give, and that of the run before it', () => {
    expect(sizes(plan(defs, { select: ['a'] }))).toEqual({ api: 3 });
    expect(sizes(plan(defs, { select: ['a'], pools: { api: 1 } }))).toEqual({ api: 1 });
    expect(sizes(plan(defs, { pools: { disk: 5 } }))).toEqual({ api: 3, disk: 5 });
    expect(sizes(plan(defs, { select: ['c'] }))).toEqual({ api: 3 });
  });

  test('whose size nobody gives stop the plan of a step in them, and of no other', () => {
    const error = expectSelectionError(
      () => plan(defs),
      'UNKNOWN_POOL',
      'Op "b" is in the pool "disk", whose size nobody gives. There is "api". Size it: define({ pools: { disk: 4 } }).',
    );
    expect(error.details).toEqual({ pool: 'disk', op: 'b', step: 'b:b' });
    expect(() => plan(defs, { select: ['a', 'c'] })).not.toThrow();
    const misspelt = define({ assets: steps, pools: { apis: 3 } });
    expectSelectionError(() => plan(misspelt, { select: ['a'] }), 'UNKNOWN_POOL', 'Did you mean "apis"?');
    expectSelectionError(() => plan(misspelt, { select: ['a'], pools: { disk: 1 } }), 'UNKNOWN_POOL', 'Op "a" is in the pool "api"');
  });

  test('that no op is in cannot be sized by a run, not even where the definitions size them', () => {
    const error = expectSelectionError(
      () => plan(defs, { pools: { disk: 1, apy: 3 } }),
      'UNKNOWN_POOL',
      '"pools" sizes "apy", which no op here is in. Did you mean "api"?',
    );
    expect(error.details).toEqual({ pool: 'apy' });
    const idle = define({ assets: [asset({ key: 'c', run: () => 1 })], pools: { idle: 1 } });
    expect(sizes(plan(idle))).toEqual({ idle: 1 });
    expectSelectionError(() => plan(idle, { pools: { idle: 2 } }), 'UNKNOWN_POOL', 'which no op here is in. There is none.');
  });

  test('are known of everything that is defined, planned or not', () => {
    expect(sizes(plan(defs, { select: ['c'], pools: { disk: 2 } }))).toEqual({ api: 3, disk: 2 });
  });

  test('take whole numbers from 1', () => {
    for (const size of [0, -1, 1.5, NaN, Infinity, '3', null, undefined])
      expectSelectionError(() => plan(defs, { pools: untyped({ api: size }) }), 'INVALID_OPTION', '"pools" gives pool "api" the size ');
    for (const pools of [5, [], null, 'api']) {
      const error = expectSelectionError(() => plan(defs, { pools: untyped(pools) }), 'INVALID_OPTION', '"pools" is ');
      expect(error.details).toEqual({ option: 'pools' });
    }
  });

  test('change nothing of the hash: they say how fast, not what', () => {
    const hash = (api: number): string => plan(defs, { select: ['a'], pools: { api } }).hash;
    expect(hash(1)).toBe(hash(2));
  });

  test('are frozen, as all of a plan is', () => {
    const { pools } = plan(defs, { pools: { disk: 2 } });
    expect(() => untyped<Map<string, number>>(pools).set('api', 9)).toThrow(TypeError);
    expect(pools.get('api')).toBe(3);
  });
});

test('a graph that backs no asset speaks of nothing that is not in it', async () => {
  const plain = graph('plain', () => ({ x: op({ name: 'one', run: () => 1 })() }));
  for (const [kind, words] of [
    ['ops', 'There is "one".'],
    ['steps', 'There is "one".'],
    ['graphs', 'There is "plain".'],
  ] as const)
    await expect(runGraph(plain, {}, { config: { [kind]: { somewhere_else: 1 } } })).rejects.toThrow(words);
  await expect(runGraph(plain, {}, { config: { steps: { $pass_0: 1 } } })).rejects.toThrow('the step "$pass_0", which is not here.');
});
