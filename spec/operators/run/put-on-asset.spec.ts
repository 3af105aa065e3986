import { describe, expect, test } from 'vitest';
import { asset, define, input, materialize, refresh, source, status, type Store } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

/** Two assets, of which the second reads the first; and how often each ran. */
function chain(): { readonly store: Store; readonly defs: ReturnType<typeof definitions>; readonly ran: string[] } {
  const ran: string[] = [];
  return { store: memoryStore(), defs: definitions(ran), ran };
}

function definitions(ran: string[]) {
  const a = asset({
    key: 'a',
    inputs: { x: input<number>() },
    run: ({ x }) => {
      ran.push('a');
      return x + 1;
    },
  });
  const b = asset({
    key: 'b',
    inputs: { a: input<number>() },
    run: (inputs) => {
      ran.push('b');
      return inputs.a * 10;
    },
  });
  return define({ assets: [source<number>('x'), a, b] });
}

describe('what is put under the key of an asset (D7)', () => {
  test('is what readers get of it, which is stale', async () => {
    const { store, defs } = chain();
    await materialize(defs, { store, sources: { x: 1 } });
    await store.put('a', 99);
    expect(await store.value('a')).toBe(99);
    expect(String(await status(defs, store))).toContain('"a" is stale: what was recorded last is not what its step gave last.');
    const loaded = await materialize(defs, { store, select: ['b'] });
    expect([loaded.value('b'), loaded.staleInputs.map(({ key }) => key)]).toEqual([990, ['a']]);
  });

  test('gives way to what its step gave, in a refresh that runs no more than it has to', async () => {
    const { store, defs, ran } = chain();
    await materialize(defs, { store, sources: { x: 1 } });
    await store.put('a', 99);
    ran.length = 0;
    const refreshed = await refresh(defs, { store });
    expect([refreshed.outcome('a'), refreshed.outcome('b'), ran]).toEqual(['materialized', 'fresh', []]);
    expect([await store.value('a'), await store.value('b')]).toEqual([2, 20]);
    expect(ofType(await logOf(store), 'asset-materialized').at(-1)).toMatchObject({ key: 'a' });
  });

  test('gives way to a materialization', async () => {
    const { store, defs, ran } = chain();
    await store.put('a', 99);
    await materialize(defs, { store, select: ['a'], sources: { x: 1 } });
    expect([await store.value('a'), ran]).toEqual([2, ['a']]);
  });
});
