import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  AbortError,
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  materialize,
  op,
  optional,
  output,
  plan,
  run,
  StepError,
  type RunEvent,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';
import { watchRun } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';

const defs = define({
  assets: [
    asset({ key: 'count', run: () => 1 }),
    asset({ key: ['shop', 'names'], inputs: { count: input<number>() }, run: ({ count }) => Array.from({ length: count }, () => 'x') }),
    asset({
      key: 'broken',
      run: (): string => {
        throw new Error('x');
      },
    }),
    asset({ key: 'below', inputs: { broken: input<string>() }, run: ({ broken }) => broken }),
    assetsFromGraph(graph('picky', () => ({ some: op({ name: 'picks', outputs: { some: optional<number>() }, run: () => ({}) })().some }))),
    asset({ key: 'files', run: () => undefined }),
  ],
});

describe('the result', () => {
  test('is typed by key, over all of define', async () => {
    const result = await materialize(defs, { select: ['count', 'shop/names'] });
    expectTypeOf(result.value('count')).toEqualTypeOf<number>();
    expectTypeOf(result.value('shop/names')).toEqualTypeOf<string[]>();
    expect(result.value('shop/names')).toEqual(['x']);
    expect(result.outcome('count')).toBe('materialized');
    expect(result).toMatchObject({ status: 'succeeded', success: true, errors: [], unexpected: [], staleInputs: [] });
    expect(result.position).toBeGreaterThan(0);
  });

  test('says how every step ended, and shows what was asked of it', async () => {
    const result = await materialize(defs, { throwOnFailure: false });
    expect(Object.fromEntries([...result.steps].map(([id, { outcome }]) => [id, outcome]))).toEqual({
      'count:count': 'succeeded',
      'shop/names:names': 'succeeded',
      'broken:broken': 'failed',
      'below:below': 'blocked',
      'picky:picks': 'succeeded',
      'files:files': 'succeeded',
    });
    expect(result.steps.get('below:below')?.blockedBy).toEqual(['broken:broken']);
    expect([...(result.steps.get('picky:picks')?.selectedOutputs ?? [])]).toEqual(['some']);
    expect(Object.fromEntries(result.outcomes)).toEqual({
      count: 'materialized',
      'shop/names': 'materialized',
      broken: 'failed',
      below: 'blocked',
      some: 'absent',
      files: 'materialized',
    });
  });

  test.each<[string, string, RegExp]>([
    ['broken', 'NO_VALUE', /ended failed/],
    ['below', 'NO_VALUE', /ended blocked/],
    ['some', 'NO_VALUE', /ended absent/],
    ['files', 'NO_VALUE', /lives elsewhere/],
    ['cuont', 'UNKNOWN_ASSET', /"count"/],
    ['toString', 'UNKNOWN_ASSET', /toString/],
  ])('has no value for %s, and says why', async (key, code, said) => {
    const result = await materialize(defs, { throwOnFailure: false });
    expect(() => result.value(untyped(key))).toThrow(expect.objectContaining({ code, message: expect.stringMatching(said) }));
  });

  test('knows nothing of assets that were not selected', async () => {
    const result = await materialize(defs, { select: ['count'] });
    expect(() => result.outcome('broken')).toThrow(expect.objectContaining({ code: 'UNKNOWN_ASSET' }));
    expect([...result.outcomes.keys()]).toEqual(['count']);
  });
});

describe('a failed run', () => {
  test('rejects with its first failure, whose details.result is the whole result', async () => {
    const store = memoryStore();
    const error = await materialize(defs, { store }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StepError);
    expect(error).toMatchObject({ code: 'OP_THREW', cause: new Error('x'), details: { step: 'broken:broken' } });
    const result = (error as StepError).details['result'];
    expect(result).toMatchObject({ status: 'failed', success: false, errors: [{ code: 'OP_THREW' }] });
    // Everything that did not depend on it is recorded (X9).
    expect(await store.value('shop/names')).toEqual(['x']);
  });

  test('says how many more failed', async () => {
    const fails = op({
      name: 'fails',
      run: (): number => {
        throw new Error('x');
      },
    });
    const three = define({ assets: [assetsFromGraph(graph('g', () => ({ a: fails.as('a')(), b: fails.as('b')(), c: fails.as('c')() })))] });
    await expect(materialize(three)).rejects.toThrow(/2 more/);
  });

  test('resolves with success: false under throwOnFailure: false', async () => {
    expect(await materialize(defs, { throwOnFailure: false })).toMatchObject({ success: false, status: 'failed' });
  });

  test('does not hide a cancel: that rejects under throwOnFailure: false too', async () => {
    await expect(materialize(defs, { throwOnFailure: false, signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortError);
  });

  test('the error of a cancelled run carries the result, and the reason as its cause', async () => {
    const controller = new AbortController();
    const gate = deferred();
    const waits = define({
      assets: [asset({ key: 'quick', run: () => 1 }), asset({ key: 'slow', run: async () => (await gate.promise, 2) })],
    });
    const running = materialize(waits, { signal: controller.signal });
    await ready();
    controller.abort('enough');
    gate.resolve();
    const error = await running.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'AbortError', code: 'RUN_CANCELLED', cause: 'enough' });
    expect(Object.fromEntries((error as AbortError).result.outcomes)).toEqual({ quick: 'materialized', slow: 'cancelled' });
  });
});

describe('onEvent', () => {
  test('tells what run() would tell, in the same order', async () => {
    const told: RunEvent[] = [];
    await materialize(defs, { select: ['count'], onEvent: (event) => told.push(event) });
    const { events } = await watchRun(run(plan(defs, { select: ['count'] })));
    expect(told.map(({ type }) => type)).toEqual(events.map(({ type }) => type));
    expect(told.at(-1)).toMatchObject({ type: 'run-ended', status: 'succeeded' });
  });

  test('is told everything before the promise settles', async () => {
    const types: string[] = [];
    const running = materialize(defs, { onEvent: ({ type }) => types.push(type) });
    await running.catch(() => types.push('rejected'));
    expect(types.slice(-2)).toEqual(['run-ended', 'rejected']);
  });
});

describe('what nothing is asked of', () => {
  test('an empty selection runs and records nothing, and succeeds (N1)', async () => {
    const store = memoryStore();
    await materialize(defs, { store, select: ['count'] });
    const before = await logOf(store);
    const result = await materialize(defs, { store, select: [] });
    expect(result).toMatchObject({ status: 'succeeded', success: true, position: before.length });
    expect(result.outcomes.size).toBe(0);
    expect(await logOf(store)).toEqual(before);
  });

  test('without a store, each run has one of its own', async () => {
    expect((await materialize(defs, { select: ['count'] })).position).toBe((await materialize(defs, { select: ['count'] })).position);
    await expect(materialize(defs, { select: ['shop/names'] })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
  });
});

describe('nothing runs and nothing is written where what was asked for is refused', () => {
  const refusals: readonly (readonly [name: string, options: unknown, code: string, said?: RegExp])[] = [
    ['an unknown asset', { select: ['cuont'] }, 'UNKNOWN_ASSET', /"count"/],
    ['a select that is no list', { select: 'count' }, 'INVALID_SELECTION'],
    ['a select that is null', { select: null }, 'INVALID_SELECTION'],
    ['a key that is no string', { select: [1] }, 'INVALID_SELECTION'],
    ['a misspelt option', { selct: ['count'] }, 'INVALID_OPTION', /"select"/],
    ['an option of another case', { throwonfailure: false }, 'INVALID_OPTION', /"throwOnFailure"/],
    ['a policy that is none', { unselectedOutputs: 'drop' }, 'INVALID_OPTION', /"discard"/],
    ['"recompute" across graphs', { crossGraphUpstream: 'recompute' }, 'INVALID_OPTION'],
    ['concurrency 0', { concurrency: 0 }, 'INVALID_OPTION'],
    ['concurrency 1.5', { concurrency: 1.5 }, 'INVALID_OPTION'],
    ['concurrency without end', { concurrency: Infinity }, 'INVALID_OPTION'],
    ['concurrency as text', { concurrency: '4' }, 'INVALID_OPTION'],
    ['negative graceMs', { graceMs: -1 }, 'INVALID_OPTION'],
    ['graceMs that no timer takes', { graceMs: 2 ** 31 }, 'INVALID_OPTION'],
    ['graceMs that is no number', { graceMs: NaN }, 'INVALID_OPTION'],
    ['whenBusy that is none', { whenBusy: 'wait' }, 'INVALID_OPTION', /"queue"/],
    ['a controller instead of its signal', { signal: new AbortController() }, 'INVALID_OPTION', /AbortSignal/],
    ['a promise of a store', { store: Promise.resolve(memoryStore()) }, 'INVALID_OPTION', /await/],
    ['the port of a store', { store: memoryStore().port }, 'INVALID_OPTION'],
    ['tags that are a Map', { tags: new Map([['a', 'b']]) }, 'INVALID_OPTION', /record/],
    ['tags that are a list', { tags: ['a'] }, 'INVALID_OPTION', /record/],
    ['tags that are no strings', { tags: { a: 1 } }, 'INVALID_OPTION', /record/],
    ['causedBy that is no string', { causedBy: {} }, 'INVALID_OPTION'],
    ['sources that are a Map', { sources: new Map([['feed', 1]]) }, 'INVALID_OPTION', /record/],
    ['sources that are null', { sources: null }, 'INVALID_OPTION'],
    ['ports that are none', { ports: {} }, 'INVALID_OPTION', /outputPorts/],
    ['a clock that is none', { clock: Date }, 'INVALID_OPTION', /timer/],
    ['throwOnFailure that is no boolean', { throwOnFailure: 'no' }, 'INVALID_OPTION', /true or false/],
    ['options that are null', null, 'INVALID_OPTION'],
    ['options that are a function', () => 1, 'INVALID_OPTION'],
  ];
  for (const [name, options, code, said = /./] of refusals) {
    test(name, async () => {
      const { store, batches } = watchedStore();
      const given = typeof options === 'object' && options !== null && !('store' in options) ? { store, ...options } : options;
      await expect(materialize(defs, untyped(given))).rejects.toMatchObject({ code, message: expect.stringMatching(said) });
      expect(batches).toEqual([]);
    });
  }

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a definition', asset({ key: 'alone', run: () => 1 })],
    ['a list of definitions', [asset({ key: 'alone', run: () => 1 })]],
  ])('definitions that are %s', async (_, given) => {
    await expect(materialize(untyped(given))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('define('),
    });
  });

  test('some but not all assets of a graph that makes them together (N2)', async () => {
    const both = op({ name: 'both', outputs: { a: output<number>(), b: output<number>() }, run: () => ({ a: 1, b: 2 }) });
    const together = define({ assets: [assetsFromGraph(graph('g', () => ({ ...both() })))] });
    const { store, batches } = watchedStore();
    await expect(materialize(together, { store, select: ['a'] })).rejects.toMatchObject({
      code: 'NOT_SUBSETTABLE',
      message: expect.stringContaining('"b"'),
    });
    expect(batches).toEqual([]);
  });
});
