import { describe, expect, test } from 'vitest';
import {
  AbortError,
  asset,
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  materialize,
  nothing,
  op,
  optional,
  output,
  refresh,
  source,
  type Definitions,
  type RunEvent,
} from '../../index.ts';
import { begun, changes, refreshAll, runs } from './incremental-play.ts';
import { losingStore, type LosingStore } from '../kit/losing-store.ts';

/** A refresh: the steps whose bodies were called, the outcomes, and the events of assets. */
async function refreshed(
  defs: Definitions,
  { store }: LosingStore,
  select?: readonly string[],
): Promise<{ readonly ran: readonly string[]; readonly outcomes: unknown; readonly recorded: readonly string[] }> {
  const events: RunEvent[] = [];
  const { outcomes } = await refresh(defs, { store, onEvent: (event) => events.push(event), ...(select !== undefined && { select }) });
  const ran = events.flatMap((event) => (event.type === 'step-started' ? [event.step] : []));
  const recorded = events.flatMap((event) =>
    'key' in event && event.type.startsWith('asset-') ? [`${event.type} ${String(event.key)}`] : [],
  );
  return { ran: ran.toSorted(), outcomes: Object.fromEntries(outcomes), recorded };
}

const number = input<number>();
const pass = op({ name: 'pass', codeVersion: '1', inputs: { x: number }, run: ({ x }) => x });

describe('steps that might be reused, and whose values somebody needs that are gone (F2)', () => {
  test('run once a run, however many wait for their values (I3)', async () => {
    const made: object[] = [];
    const give = op({ name: 'give', codeVersion: '1', outputs: { it: output<object>({ transient: true }) }, run: () => ({ it: {} }) });
    const take = op({ name: 'take', codeVersion: '1', inputs: { it: input<object>() }, run: ({ it }) => made.push(it) });
    const body = graph('body', () => {
      const { it } = give();
      return { one: take.as('one')({ it }), two: take.as('two')({ it }) };
    });
    const defs = define({ assets: [assetsFromGraph(body)] });
    const store = losingStore();
    await refreshed(defs, store);
    made.length = 0;
    expect((await refreshed(defs, store)).ran).toEqual(['give', 'one', 'two']);
    // Both were given the one object of this run.
    expect(new Set(made).size).toBe(1);
  });

  test('say once how their assets came out, by what they did in the end (X10, F3)', async () => {
    const halves = op({
      name: 'halves',
      codeVersion: '1',
      inputs: { x: number },
      outputs: { a: output<number>(), b: output<number>() },
      run: ({ x }) => ({ a: 10 * x, b: 20 * x }),
    });
    const add = op({ name: 'add', codeVersion: '1', inputs: { a: number, b: number, y: number }, run: ({ a, b, y }) => a + b + y });
    const body = graph('body', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => {
      const { a, b } = halves({ x });
      return { a, b, sum: add({ a, b, y }) };
    });
    const defs = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body, { canSubset: true })] });
    const losing = losingStore();
    await losing.store.put('x', 1);
    await losing.store.put('y', 1);
    await refreshed(defs, losing, ['sum']);
    losing.lose(20);
    await losing.store.put('y', 2);
    const first = await refreshed(defs, losing);
    expect(first.ran).toEqual(['add', 'halves']);
    expect(first.recorded.toSorted()).toEqual(['asset-materialized a', 'asset-materialized b', 'asset-materialized sum']);
    losing.lose(20);
    await losing.store.put('y', 3);
    const second = await refreshed(defs, losing);
    expect(second.ran).toEqual(['add', 'halves']);
    expect(second.outcomes).toEqual({ a: 'unchanged', b: 'unchanged', sum: 'materialized' });
  });

  test('run or do not run whatever the time that others take: a reader by order alone (I12, F1)', async () => {
    const ranAfter = async (isSlow: boolean): Promise<readonly string[]> => {
      const give = op({ name: 'give', codeVersion: '1', outputs: { it: output<number>({ transient: true }) }, run: () => ({ it: 1 }) });
      const tick = op({
        name: 'tick',
        volatile: true,
        run: () => (isSlow ? new Promise<number>((resolve) => setTimeout(resolve, 20, 1)) : 1),
      });
      const after = op({ name: 'after', codeVersion: '1', inputs: { that: nothing(), tick: number }, run: () => 2 });
      const body = graph('body', () => {
        const { it } = give();
        return { read: pass({ x: it }), after: after({ that: [it], tick: tick() }) };
      });
      const defs = define({ assets: [assetsFromGraph(body)] });
      const store = losingStore();
      await refreshed(defs, store);
      return (await refreshed(defs, store)).ran;
    };
    expect(await ranAfter(false)).toEqual(await ranAfter(true));
  });
});

describe("a step that is executed only for a value that is gone, where emissions beyond need are errors (X7 `'error'`)", () => {
  const halves = op({
    name: 'halves',
    codeVersion: '1',
    inputs: { x: number },
    outputs: { a: output<number>(), b: output<number>(), c: optional<number>() },
    *run({ x }) {
      yield emit('a', 10 * x);
      yield emit('b', 20 * x);
      yield emit('c', 30 * x);
    },
  });
  const add = op({ name: 'add', codeVersion: '1', inputs: { a: number, y: number }, run: ({ a, y }) => a + y });
  const body = graph('body', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => {
    const { a, b, c } = halves({ x });
    return { b, c, sum: add({ a, y }) };
  });
  const defs = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body, { canSubset: true })] });

  async function readerAlone(): Promise<LosingStore> {
    const losing = losingStore();
    await losing.store.put('x', 1);
    await losing.store.put('y', 1);
    await refreshed(defs, losing);
    losing.lose(10);
    await losing.store.put('y', 2);
    return losing;
  }

  test('fails by none of them: what a store has lost changes no outcome (F2)', async () => {
    const { store } = await readerAlone();
    const { outcomes, steps } = await refresh(defs, { store, select: ['b', 'sum'], unselectedOutputs: 'error' });
    expect(Object.fromEntries(outcomes)).toEqual({ b: 'unchanged', sum: 'materialized' });
    expect(steps.get('halves')?.outcome).toBe('succeeded');
  });

  test('fails by them where it would run anyway', async () => {
    const { store } = await readerAlone();
    const { outcomes } = await refresh(defs, {
      store,
      select: ['b', 'sum'],
      sources: { x: 2 },
      unselectedOutputs: 'error',
      throwOnFailure: false,
    });
    expect(Object.fromEntries(outcomes)).toEqual({ b: 'failed', sum: 'blocked' });
  });
});

describe('a run that is cancelled while a step is executed for a value that is gone (X10, X12)', () => {
  test('says of its other outputs what they were reused as', async () => {
    const controller = new AbortController();
    let isSlow = false;
    const halves = op({
      name: 'halves',
      codeVersion: '1',
      inputs: { x: number },
      outputs: { a: output<number>(), b: output<number>() },
      run: async ({ x }, { signal }) => {
        if (isSlow) {
          controller.abort();
          await new Promise((resolve) => (signal.aborted ? resolve(undefined) : signal.addEventListener('abort', resolve)));
          signal.throwIfAborted();
        }
        return { a: 10 * x, b: 20 * x };
      },
    });
    const add = op({ name: 'add', codeVersion: '1', inputs: { a: number, y: number }, run: ({ a, y }) => a + y });
    const body = graph('body', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => {
      const { a, b } = halves({ x });
      return { b, sum: add({ a, y }) };
    });
    const defs = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body, { canSubset: true })] });
    const losing = losingStore();
    await losing.store.put('x', 1);
    await losing.store.put('y', 1);
    await refreshed(defs, losing);
    losing.lose(10);
    await losing.store.put('y', 2);
    isSlow = true;
    const { signal } = controller;
    // With more traces than one, every step is looked at.
    const cancelled = await refresh(defs, { store: losing.store, signal, traces: 2, throwOnFailure: false }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(cancelled).toBeInstanceOf(AbortError);
    const { outcomes } = (cancelled as AbortError).result;
    expect(Object.fromEntries(outcomes)).toEqual({ b: 'fresh', sum: 'cancelled' });
  });

  test('also where its step stands, and others of its values were read already', async () => {
    const flags = { declaresVersion: true, isVolatile: false, isTogether: false, takesConfig: false, isLater: false };
    const nature = { behaviour: 'all', isVoid: false, definition: 0, isNested: false, flags } as const;
    const recorded = { required: false, isAsset: true, passes: 'kept' } as const;
    const shape = {
      sources: [0],
      seeds: [
        { ...nature, k: 1, inputs: [], outputs: [recorded, recorded] },
        {
          ...nature,
          k: 0,
          inputs: [
            { kind: 'list', optional: false, hold: false, offsets: [1, 0] },
            { kind: 'value', optional: false, hold: false, offsets: [2] },
          ],
          outputs: [recorded],
        },
      ],
    } as const;
    for (const which of [0, 1, 2]) {
      const played = await begun(shape);
      await runs(played);
      await changes(played, [
        { do: 'lose', which },
        { do: 'put', source: 0, value: 1 },
      ]);
      const { account } = await runs(played, { ...refreshAll, cancelAfter: 1 });
      expect(account.outcomes).toMatchObject({ s1_o0: 'cancelled' });
    }
  });
});

describe('what passed by reference is made again for whoever may read it, before anybody knows who runs (R6, F2)', () => {
  const flags = { declaresVersion: true, isVolatile: false, isTogether: false, takesConfig: false, isLater: false };
  const nature = { behaviour: 'all', isVoid: false, definition: 0, isNested: false, flags } as const;
  const reads = (...offsets: readonly number[]) => ({ kind: 'value', optional: false, hold: false, offsets }) as const;
  const transient = { required: false, isAsset: false, passes: 'transient' } as const;
  const kept = { required: false, isAsset: false, passes: 'kept' } as const;
  const recorded = { ...kept, isAsset: true } as const;
  const asked = { ...refreshAll, unselectedOutputs: 'error' } as const;

  test('where its step fails on an emission beyond need, nothing else is made again for the reader that is blocked', async () => {
    const shape = {
      sources: [3],
      seeds: [
        { ...nature, k: 1, inputs: [], outputs: [transient, recorded] },
        { ...nature, k: 2, inputs: [], outputs: [kept] },
        { ...nature, k: 3, inputs: [reads(2), reads(0)], outputs: [recorded] },
      ],
    };
    const played = await begun(shape);
    await runs(played);
    await changes(played, [{ do: 'lose', which: 1 }]);
    const { answer, ran } = await runs(played, { ...asked, chosen: 2 });
    expect([answer.steps.get('s1')?.outcome, ran]).toEqual(['reused', ['s0']]);
  });

  test('where its reader is blocked by something else', async () => {
    const shape = {
      sources: [3],
      seeds: [
        { ...nature, k: 1, inputs: [], outputs: [transient] },
        { ...nature, k: 2, inputs: [], outputs: [kept, recorded] },
        { ...nature, k: 3, inputs: [reads(2), reads(1)], outputs: [recorded] },
      ],
    };
    const played = await begun(shape);
    await runs(played);
    await changes(played, [{ do: 'code', step: 1 }]);
    const { ran, account } = await runs(played, { ...asked, chosen: 2 });
    expect([ran, account.settled]).toEqual([['s0', 's1'], { s0: 'succeeded', s1: 'failed', s2: 'blocked' }]);
  });
});

describe('an asset that is loaded, and whose value is gone', () => {
  test('stops the run before its first step (N7)', async () => {
    const one = asset({ key: 'one', codeVersion: '1', inputs: { x: number }, run: ({ x }) => x + 1 });
    const two = asset({ key: 'two', codeVersion: '1', inputs: { one: number }, run: ({ one: x }) => x + 1 });
    const defs = define({ assets: [source<number>('x'), one, two] });
    const losing = losingStore();
    await losing.store.put('x', 1);
    await refreshed(defs, losing);
    losing.lose(2);
    const head = await losing.store.port.head();
    await expect(materialize(defs, { store: losing.store, select: ['two'], crossGraphUpstream: 'load' })).rejects.toMatchObject({
      code: 'MISSING_VALUE',
    });
    expect(await losing.store.port.head()).toBe(head);
  });
});
