import { of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  list,
  lineage,
  materialize,
  nothing,
  op,
  optional,
  reexecute,
  refresh,
  runGraph,
  source,
  status,
  testOp,
  type Definitions,
  type RunEvent,
} from '../../../index.ts';
import { toOperator } from '../../../operators/index.ts';
import { losingStore } from '../../kit/losing-store.ts';
import { pruneStore } from '../../../store/index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { refusalOf } from '../../lib/model/refusal.ts';
import { untyped } from '../../lib/model/untyped.ts';
import { heldGate } from '../rig/held-gate.ts';

const ran: string[] = [];

const { gate, read } = heldGate(ran);

const both = graph('both', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => {
  const { it } = gate({ x });
  return { seen: read({ it, y }) };
});
const intermediate = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(both, { canSubset: true })] });

const recorded = graph('both', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => {
  const { it } = gate({ x });
  return { it, seen: read({ it, y }) };
});
const asAsset = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(recorded, { canSubset: true })] });

interface Refreshed {
  readonly seen: unknown;
  readonly ran: readonly string[];
  readonly outcome: string;
}

/** Refreshes of `seen` on one store, each with other sources. */
async function refreshes(defs: Definitions, ...rounds: readonly Readonly<Record<string, number>>[]): Promise<readonly Refreshed[]> {
  const store = memoryStore();
  const found: Refreshed[] = [];
  for (const sources of rounds) {
    ran.length = 0;
    const result = await refresh(defs, { store, sources, select: ['seen'], throwOnFailure: false });
    const outcome = String(result.outcomes.get('seen'));
    const hasValue = /materialized|unchanged|fresh/.test(outcome);
    found.push({ seen: hasValue ? await store.value('seen') : undefined, ran: [...ran], outcome });
  }
  return found;
}

describe('an input that holds (X2, X3)', () => {
  for (const [what, defs] of Object.entries({ 'an output that is no asset': intermediate, 'an asset': asAsset })) {
    test(`reads the last value of ${what} where it is absent, and is not woken by that`, async () => {
      const [first, gone, other] = await refreshes(defs, { x: 5, y: 1 }, { x: 0 }, { y: 2 });
      expect(first).toEqual({ seen: '5 1', ran: ['gate', 'read'], outcome: 'materialized' });
      expect(gone).toEqual({ seen: '5 1', ran: ['gate'], outcome: 'fresh' });
      expect(other).toEqual({ seen: '5 2', ran: ['read'], outcome: 'materialized' });
    });

    test(`is not blocked where ${what} fails, and reads its last value`, async () => {
      const [, failed, other, back] = await refreshes(defs, { x: 5, y: 1 }, { x: -1 }, { y: 2 }, { x: 7 });
      expect(failed).toEqual({ seen: '5 1', ran: ['gate'], outcome: 'fresh' });
      expect(other).toEqual({ seen: '5 2', ran: ['gate', 'read'], outcome: 'materialized' });
      expect(back?.seen).toBe('7 2');
    });

    test(`is absent before there is any value of ${what}`, async () => {
      for (const x of [0, -1]) expect((await refreshes(defs, { x, y: 1 }))[0]).toMatchObject({ outcome: 'absent', ran: ['gate'] });
    });
  }

  test('reads what came last, whether it was recorded or not: what was selected makes no difference', async () => {
    const seen = async (select: readonly string[] | undefined): Promise<unknown> => {
      const store = memoryStore();
      await refresh(asAsset, { store, sources: { x: 5, y: 1 } });
      await refresh(asAsset, { store, sources: { x: 6 }, ...(select !== undefined && { select: ['seen'] }) });
      await refresh(asAsset, { store, sources: { x: 0, y: 2 } });
      return store.value('seen');
    };
    expect([await seen(undefined), await seen(['seen'])]).toEqual(['6 2', '6 2']);
  });

  test('reads an upstream asset that is loaded as it was before it became absent, and stops no run where there never was one (N7)', async () => {
    const maybe = graph('maybe', { inputs: { x: input<number>() } }, ({ x }) => ({ it: gate({ x }).it }));
    const seen = asset({ key: 'seen', inputs: { it: input<number>({ hold: true, optional: true }) }, run: ({ it: n }) => n ?? 'never' });
    const defs = define({ assets: [source<number>('x'), assetsFromGraph(maybe), seen] });
    const store = memoryStore();
    const load = async (): Promise<unknown> => (await materialize(defs, { store, select: ['seen'] })).value('seen');
    expect(await load()).toBe('never');
    await materialize(defs, { store, select: ['it'], sources: { x: 3 } });
    await materialize(defs, { store, select: ['it'], sources: { x: 0 } });
    expect((await store.latest('it'))?.type).toBe('asset-absent');
    expect(await load()).toBe(3);
  });

  test('leaves order alone as it is, where the same asset is held and was never stored (N6)', async () => {
    const one = op({ name: 'one', run: () => 1 });
    const holds = op({ name: 'holds', inputs: { one: input<number>({ hold: true, optional: true }) }, run: ({ one: n }) => n ?? 'never' });
    const after = op({ name: 'after', inputs: { one: nothing() }, run: () => 'after' });
    const body = graph('body', () => {
      const first = one();
      return { one: first, holds: holds({ one: first }), after: after({ one: [first] }) };
    });
    const defs = define({ assets: [assetsFromGraph(body, { canSubset: true })] });
    const result = await materialize(defs, { select: ['holds', 'after'], inGraphUpstream: 'load' });
    expect([result.value('holds'), result.value('after')]).toEqual(['never', 'after']);
  });

  test('holds each entry of a list by itself, in its place', async () => {
    const all = op({ name: 'all', inputs: { them: list<number>({ hold: true }) }, run: ({ them }) => them.join() });
    const body = graph('body', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) =>
      all({ them: [gate.as('a')({ x }).it, gate.as('b')({ x: y }).it] }),
    );
    const defs = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body)] });
    const store = memoryStore();
    const given = async (x: number, y: number): Promise<unknown> => {
      await refresh(defs, { store, sources: { x, y }, throwOnFailure: false });
      return store.value('body');
    };
    expect([await given(0, 2), await given(1, 0), await given(0, -1)]).toEqual(['2', '1,2', '1,2']);
  });

  test('takes what came in this run before what came earlier, and never what came later than the run reads', async () => {
    const [, , third] = await refreshes(intermediate, { x: 5, y: 1 }, { x: 6 }, { x: 8, y: 3 });
    expect(third?.seen).toBe('8 3');
  });

  test('reads as absent what the store has removed, and no older value instead', async () => {
    const losing = losingStore();
    const { store } = losing;
    for (const x of [5, 6, 0]) await refresh(intermediate, { store, sources: { x, y: 1 } });
    losing.lose(6);
    expect((await refresh(intermediate, { store, sources: { y: 2 } })).outcome('seen')).toBe('absent');
  });

  test('is kept by a prune for as long as the last success of a reader names it (R3)', async () => {
    const store = memoryStore();
    await refresh(intermediate, { store, sources: { x: 5, y: 1 } });
    for (const y of [2, 3, 4]) await refresh(intermediate, { store, sources: { x: 0, y } });
    await pruneStore(store, { versions: 1, runs: 1 });
    await refresh(intermediate, { store, sources: { y: 9 } });
    expect(await store.value('seen')).toBe('5 9');
  });

  test('does not hold what belongs together with something newer (D8)', async () => {
    const pair = op({
      name: 'pair',
      codeVersion: '1',
      outputsTogether: true,
      inputs: { x: input<number>() },
      outputs: { a: optional<number>(), b: optional<number>() },
      *run({ x }, { selectedOutputs }) {
        if (x > 0) yield emit('a', x);
        if (selectedOutputs.has('b')) yield emit('b', x);
      },
    });
    const pass = op({ name: 'pass', inputs: { it: input<number>({ hold: true, optional: true }) }, run: ({ it }) => it ?? 'never' });
    const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => {
      const { a, b } = pair({ x });
      return { a: pass.as('pa')({ it: a }), b: pass.as('pb')({ it: b }) };
    });
    const defs = define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true })] });
    const store = memoryStore();
    await refresh(defs, { store, sources: { x: 1 } });
    await refresh(defs, { store, sources: { x: 2 }, select: ['b'] });
    await refresh(defs, { store, sources: { x: 0 } });
    expect(await store.value('a')).toBe('never');
  });
});

describe('what is recorded of a held value', () => {
  test('is where it came from: lineage is closed, and status knows it', async () => {
    const store = memoryStore();
    const events: RunEvent[] = [];
    await refresh(intermediate, { store, sources: { x: 5, y: 1 } });
    await refresh(intermediate, { store, sources: { x: 0, y: 2 }, onEvent: (event) => events.push(event) });
    const settled = events.flatMap((event) => (event.type === 'step-settled' && event.step === 'read' ? [event.inputs[0]] : []));
    // As of the first run, which put two sources and ended with its seventh event.
    const [gaveFive] = await store.port.lastSettled([{ definition: 'both', step: 'gate', output: 'it' }], 7);
    expect(settled).toEqual([
      {
        input: 'it',
        kind: 'value',
        origin: { from: 'step', definition: 'both', step: 'gate', output: 'it' },
        state: gaveFive?.outputs[0]?.state,
        position: gaveFive?.position,
      },
    ]);
    expect((await lineage(store, 'seen')).nodes.length).toBeGreaterThan(2);
    expect((await status(intermediate, store)).assets.get('seen')?.state).toBe('fresh');
  });

  test('is nothing where a step failed and there is nothing to hold', async () => {
    const store = memoryStore();
    const late = op({ name: 'late', inputs: { it: input<number>({ hold: true, optional: true }) }, run: ({ it }) => it ?? 'never' });
    const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => late({ it: gate({ x }).it }));
    const defs = define({ assets: [source<number>('x'), assetsFromGraph(body)] });
    const events: RunEvent[] = [];
    await refresh(defs, { store, sources: { x: -1 }, throwOnFailure: false, onEvent: (event) => events.push(event) });
    const settled = events.flatMap((event) => (event.type === 'step-settled' && event.step === 'late' ? [event.inputs[0]] : []));
    expect(settled).toMatchObject([{ state: { state: 'absent' }, position: null }]);
    expect(await store.value('body')).toBe('never');
  });

  test('stops a re-execution where it is gone, and is that of the run which is taken up (E3, E4)', async () => {
    const losing = losingStore();
    const { store } = losing;
    await refresh(intermediate, { store, sources: { x: 5, y: 1 } });
    const { runId } = await refresh(intermediate, { store, sources: { x: -1, y: 2 }, throwOnFailure: false });
    await refresh(intermediate, { store, sources: { x: 9 } });
    const again = await reexecute(intermediate, runId, { store, steps: ['read'] });
    expect(again.value('seen')).toBe('5 2');
    losing.lose(5);
    await expect(reexecute(intermediate, runId, { store, steps: ['read'] })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
  });
});

describe('where nothing is stored', () => {
  test('nothing is held: the input is absent, and skips its op unless it is optional', async () => {
    const frames: unknown[] = [];
    of({ x: 1, y: 1 }, { x: 0, y: 1 })
      .pipe(toOperator(both))
      .subscribe((frame) => frames.push(frame));
    expect(frames).toEqual([{ seen: '1 1' }, {}]);
    expect(await runGraph(both, { x: 0, y: 1 })).toEqual({});
    expect(await testOp(read, { inputs: { it: 3, y: 1 } })).toBe('3 1');
  });
});

describe('hold is refused', () => {
  test('on order alone, and on the input of a graph', () => {
    expect(refusalOf(() => untyped(nothing)({ hold: true }))).toMatchObject({ code: 'INVALID_DEFINITION' });
    expect(refusalOf(() => untyped(input)({ hold: 1 }))).toMatchObject({ code: 'INVALID_DEFINITION' });
    const refused = refusalOf(() => graph('g', { inputs: { x: input<number>({ hold: true }) } }, ({ x }) => gate({ x })));
    expect(refused).toMatchObject({ code: 'INVALID_DEFINITION' });
    expect(String(refused)).toContain('Say it at the input of the op that reads "x".');
  });
});
