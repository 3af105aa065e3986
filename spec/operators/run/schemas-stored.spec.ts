import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, define, input, list, materialize, op, source, type Schema, type Store } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { newStore } from '../../store/folder.ts';
import { untyped } from '../rig/untyped.ts';
import { whole } from '../rig/whole.ts';
import { watching } from './schemas-rig.ts';

interface Opened {
  readonly store: Store;
  readonly reopen?: () => Promise<Store>;
  readonly dispose: () => Promise<unknown> | void;
}

const stores: readonly (readonly [string, () => Promise<Opened>])[] = [
  ['memory', async () => ({ store: memoryStore(), dispose: () => undefined })],
  [
    'lmdb',
    async () => {
      const { store, reopen, dispose } = await newStore();
      return { store, ...(reopen && { reopen: reopen.bind(undefined) }), dispose: () => dispose() };
    },
  ],
];

const rows: readonly (readonly [library: string, schema: Schema<{ readonly rows: readonly { readonly id: number }[] }>])[] = [
  ['zod', z.object({ rows: z.array(z.object({ id: z.number() })) })],
  ['valibot', v.object({ rows: v.array(v.object({ id: v.number() })) })],
  ['arktype', untyped(type({ rows: [{ id: 'number' }, '[]'] }))],
];

const fits = { rows: [{ id: 1 }] };
const older = { rows: [{ id: 1 }, { id: 'two' }] };
const refused = [{ code: 'INPUT_INVALID', details: { input: 'up', issues: [{ path: '$.rows[1].id' }] } }];

describe.each(stores)('values from a store (%s)', (_, open) => {
  test('what a schema made is recorded, and read back as that', async () => {
    const { store, reopen, dispose } = await open();
    const day = z.object({ at: z.string().transform((text) => new Date(text)), n: z.number().default(3) });
    const defs = define({ assets: [asset({ key: 'day', result: day, run: () => ({ at: '2026-01-12', extra: 1 }) })] });
    const { runId } = await materialize(defs, { store });
    const again = (await reopen?.()) ?? store;
    expect(await again.value('day')).toEqual({ at: new Date('2026-01-12'), n: 3 });
    expect(await again.latest('day')).toMatchObject({ type: 'asset-materialized', runId, version: expect.stringMatching(/^sha256:/) });
    await dispose();
  });

  test.each(rows)('are checked where a source is read (%s)', async (__, schema) => {
    const { store, dispose } = await open();
    const defs = define({ assets: [source('up'), asset({ key: 'out', inputs: { up: input(schema) }, run: ({ up }) => up.rows.length })] });
    const options = { store, throwOnFailure: false };
    expect((await materialize(defs, { ...options, sources: { up: fits } })).value('out')).toBe(1);
    expect((await materialize(defs, { ...options, sources: { up: older } })).errors).toMatchObject(refused);
    expect((await materialize(defs, options)).errors).toMatchObject(refused);
    await store.put('up', fits);
    expect((await materialize(defs, options)).value('out')).toBe(1);
    expect(await store.value('out')).toBe(1);
    await dispose();
  });

  test.each(rows)('are checked where the asset of another definition is loaded (%s)', async (__, schema) => {
    const { store, dispose } = await open();
    const defs = (value: unknown) =>
      define({
        assets: [
          asset({ key: 'up', run: () => untyped<typeof fits>(value) }),
          asset({ key: 'out', inputs: { up: input(schema) }, run: ({ up }) => up.rows.length }),
        ],
      });
    await materialize(defs(older), { store, select: ['up'] });
    const failed = await materialize(defs(fits), { store, select: ['out'], throwOnFailure: false });
    expect(failed.errors).toMatchObject(refused);
    await materialize(defs(fits), { store, select: ['up'] });
    expect((await materialize(defs(fits), { store, select: ['out'] })).value('out')).toBe(1);
    await dispose();
  });

  test.each(rows)('are checked where a sibling is loaded, in a fan-in entry by entry (%s)', async (__, schema) => {
    const { store, dispose } = await open();
    const make = (name: string, value: unknown) => op({ name, run: () => untyped<typeof fits>(value) });
    const reads = op({ name: 'reads', inputs: { up: list(schema) }, run: ({ up }) => up.length });
    const defs = (value: unknown) =>
      whole(() => {
        const handles = { one: make('one', fits)(), two: make('two', value)() };
        return { ...handles, out: reads({ up: [handles.one, handles.two] }) };
      });
    const load = { store, select: ['out'], inGraphUpstream: 'load', throwOnFailure: false } as const;
    await materialize(defs(older), { store, select: ['one', 'two'] });
    expect((await materialize(defs(fits), load)).errors).toMatchObject([
      { code: 'INPUT_INVALID', details: { issues: [{ path: '$[1].rows[1].id' }] } },
    ]);
    await materialize(defs(fits), { store, select: ['two'] });
    expect((await materialize(defs(fits), load)).value('out')).toBe(2);
    await dispose();
  });

  test('are passed through the schema once a reader, and the value in the store stays as it is', async () => {
    const { store, dispose } = await open();
    const { schema, asked } = watching<number>();
    const defs = define({
      assets: [
        source('up'),
        asset({ key: 'a', inputs: { up: input(schema) }, run: ({ up }) => up }),
        asset({ key: 'b', inputs: { up: input(z.number().transform(String)) }, run: ({ up }) => up }),
      ],
    });
    const result = await materialize(defs, { store, sources: { up: 5 } });
    expect(asked).toEqual([5]);
    expect([result.value('a'), result.value('b'), await store.value('up')]).toEqual([5, '5', 5]);
    await dispose();
  });
});
