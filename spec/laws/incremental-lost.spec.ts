import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  materialize,
  nothing,
  op,
  output,
  refresh,
  source,
  type Definitions,
  type RunEvent,
} from '../../index.ts';
import { losingStore, type LosingStore } from './incremental-store.ts';

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
