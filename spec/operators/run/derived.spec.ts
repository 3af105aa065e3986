import { describe, expect, test } from 'vitest';
import {
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
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { expectRefusal } from '../../lib/model/refusal.ts';
import { untyped } from '../rig/untyped.ts';

const ran: string[] = [];

interface Rows {
  readonly rows: readonly number[];
}

/** Rows that are made, and the sum of them. The sum also reads `y`, so that it may run when the rows are reused. */
function world({
  derived,
  isAsset = false,
  codeVersion = '1',
}: {
  derived: boolean;
  isAsset?: boolean;
  codeVersion?: string;
}): Definitions {
  const make = op({
    name: 'make',
    codeVersion,
    inputs: { x: input<number>() },
    outputs: { it: output<Rows>(derived ? { version: 'derived' } : {}) },
    run: ({ x }) => (ran.push('make'), { it: { rows: [x % 2, 1] } }),
  });
  const sum = op({
    name: 'sum',
    codeVersion: '1',
    inputs: { it: input<Rows>(), y: input<number>() },
    run: ({ it, y }) => (ran.push('sum'), it.rows.reduce((a, b) => a + b, 0) + y),
  });
  const body = graph('body', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => {
    const { it } = make({ x });
    return isAsset ? { it, total: sum({ it, y }) } : { total: sum({ it, y }) };
  });
  return define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body, { canSubset: true })] }) as Definitions;
}

describe("an output with version: 'derived'", () => {
  test('has the version of what made it: no cutoff where the value is equal, and none needed where nothing changed', async () => {
    for (const [derived, wanted] of [
      [false, ['make']],
      [true, ['make', 'sum']],
    ] as const) {
      // prettier-ignore
      const store = memoryStore();
      await refresh(world({ derived }), { store, sources: { x: 1, y: 1 } });
      ran.length = 0;
      await refresh(world({ derived }), { store, sources: { x: 3 } });
      expect(ran).toEqual(wanted);
      ran.length = 0;
      await refresh(world({ derived }), { store });
      expect(ran).toEqual([]);
    }
  });

  test('is not hashed and not kept where it is no asset: a reader that runs has it made again, with the same version', async () => {
    const store = memoryStore();
    const events: RunEvent[] = [];
    const defs = world({ derived: true });
    await refresh(defs, { store, sources: { x: 1, y: 1 } });
    ran.length = 0;
    const result = await refresh(defs, { store, sources: { y: 5 }, onEvent: (event) => events.push(event) });
    expect([ran, await result.value('total')]).toEqual([['make', 'sum'], 7]);
    const settled = (await store.port.read(1, 100)).flatMap((event) =>
      event.type === 'step-settled' && event.step === 'make' ? event.outputs : [],
    );
    expect(settled.map(({ address }) => address)).toEqual([null, null]);
    expect(new Set(settled.map(({ state }) => (state.state === 'value' ? state.version : '')))).toEqual(
      new Set([expect.stringMatching(/^derived:[0-9a-f]{64}$/)]),
    );
  });

  test('changes with the code, and with the inputs, each by itself', async () => {
    const versions = new Set<string>();
    for (const [codeVersion, x] of [
      ['1', 1],
      ['2', 1],
      ['1', 3],
    ] as const) {
      // prettier-ignore
      const store = memoryStore();
      await refresh(world({ derived: true, codeVersion }), { store, sources: { x, y: 1 } });
      const [last] = await store.port.lastSettled([{ definition: 'body', step: 'make', output: 'it' }], 100);
      const [made] = last?.outputs ?? [];
      if (made?.state.state === 'value') versions.add(made.state.version);
    }
    expect(versions.size).toBe(3);
  });

  test('is stored under the hash of its bytes where it is an asset, and recorded anew where only its version is another', async () => {
    const store = memoryStore();
    const defs = world({ derived: true, isAsset: true });
    await refresh(defs, { store, sources: { x: 1, y: 1 } });
    const first = await store.latest('it');
    expect((await refresh(defs, { store, sources: { x: 3 } })).outcome('it')).toBe('materialized');
    const second = await store.latest('it');
    const addressOf = (event: typeof first): unknown => event !== undefined && 'address' in event && event.address;
    expect([addressOf(first), String(addressOf(first)).startsWith('sha256:')]).toEqual([addressOf(second), true]);
    expect(await store.value('it')).toEqual({ rows: [1, 1] });
    ran.length = 0;
    // Loaded or taken from its step: derived versions are of the same content.
    await materialize(defs, { store, select: ['total'], inGraphUpstream: 'load' });
    await refresh(defs, { store, select: ['total'] });
    expect(ran).toEqual(['sum']);
  });

  test('may be a value that no store can keep, and is frozen like any other', async () => {
    class Opaque {
      readonly n = 1;
    }
    const give = op({ name: 'give', codeVersion: '1', outputs: { it: output<Opaque>({ version: 'derived' }), row: optional<object>({ version: 'derived' }) }, *run() { yield emit('it', new Opaque()); yield emit('row', { a: 1 }); } }); // prettier-ignore
    const take = op({ name: 'take', codeVersion: '1', inputs: { it: input<Opaque>(), row: input<object>() }, run: ({ it, row }) => (ran.push('take'), [it instanceof Opaque, Object.isFrozen(row)]) }); // prettier-ignore
    const defs = define({ assets: [assetsFromGraph(graph('body', () => take(give())))] });
    const store = memoryStore();
    ran.length = 0;
    for (const _ of [1, 2]) await refresh(defs, { store });
    expect([ran, await store.value('body')]).toEqual([['take'], [true, true]]);
  });

  test('that becomes an asset is made again, since nobody kept its value; it is no other, so its reader is reused', async () => {
    const store = memoryStore();
    await refresh(world({ derived: true }), { store, sources: { x: 1, y: 1 } });
    ran.length = 0;
    for (const expected of [['make'], []]) {
      const { outcomes } = await refresh(world({ derived: true, isAsset: true }), { store });
      expect([ran, outcomes.get('it')]).toEqual([expected, expected.length === 1 ? 'materialized' : 'fresh']);
      expect(await store.value('it')).toEqual({ rows: [1, 1] });
      ran.length = 0;
    }
  });

  test('is refused where the value depends on more than inputs, and on what is transient', () => {
    const outputs = { it: output<number>({ version: 'derived' }) };
    const run = (): { it: number } => ({ it: 1 });
    for (const more of [{ volatile: true }, { outputsTogether: true }, { state: { initial: () => ({}) } }])
      expectRefusal(
        () => untyped<typeof op>(op)(untyped({ name: 'o', outputs, run, ...more })),
        'INVALID_DEFINITION',
        '"it" depends on more than its inputs',
      );
    expectRefusal(() => output({ transient: true, version: 'derived' }), 'INVALID_DEFINITION', 'Keep one of them');
    expectRefusal(() => output({ version: untyped('derive') }), 'INVALID_DEFINITION', 'Give "derived"');
  });
});

describe('what passed by reference, and becomes an asset', () => {
  class Unknown {
    readonly n = 1;
  }

  function graphOf({ isAsset, declares }: { readonly isAsset: boolean; readonly declares: boolean }): Definitions {
    const give = declares
      ? op({ name: 'give', codeVersion: '1', outputs: { it: output<Unknown>() }, run: () => (ran.push('give'), { it: new Unknown() }) })
      : op({ name: 'give', codeVersion: '1', run: () => void ran.push('give') });
    const after = op({ name: 'after', codeVersion: '1', inputs: { done: nothing() }, run: () => 1 });
    const body = graph('body', () => {
      const given = give();
      const it = 'it' in given ? given.it : given;
      const end = after({ done: [it] });
      return isAsset ? { it, end } : { end };
    });
    return define({ assets: [assetsFromGraph(body, { canSubset: true })] }) as Definitions;
  }

  test('is made again, and so is refused where no store can keep it (R6)', async () => {
    const store = memoryStore();
    await refresh(graphOf({ isAsset: false, declares: true }), { store });
    const again = refresh(graphOf({ isAsset: true, declares: true }), { store });
    await expect(again).rejects.toMatchObject({ code: 'VALUE_NOT_STORABLE' });
  });

  test('is recorded without being made again where its value lives elsewhere (X11)', async () => {
    const store = memoryStore();
    await refresh(graphOf({ isAsset: false, declares: false }), { store });
    ran.length = 0;
    const { outcomes } = await refresh(graphOf({ isAsset: true, declares: false }), { store });
    expect([ran, outcomes.get('it')]).toEqual([[], 'materialized']);
  });
});
