import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asset, codec, define, input, refresh, source, type Store } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { openValueRow, valueKey } from '../../store/value-rows.ts';
import { verifyStore } from '../../store/verify.ts';
import { newFolder } from './folder.ts';

/** An instance of a class, which no store keeps by itself. */
class Reading {
  readonly #samples: Uint8Array;

  constructor(samples: Uint8Array) {
    this.#samples = samples.slice();
  }

  get samples(): readonly number[] {
    return [...this.#samples];
  }

  get bytes(): Uint8Array {
    return this.#samples;
  }
}

const raw = codec<Uint8Array>({ name: 'raw', encode: (bytes) => bytes, decode: (bytes) => bytes });
const reading = codec<Reading>({ name: 'reading', encode: ({ bytes }) => bytes, decode: (bytes) => new Reading(bytes) });
const codecs = [raw, reading];

const blob = source('blob', { codec: raw });

/** New definitions each time, as another process would have them. */
function definitions(calls: string[] = []) {
  return define({
    assets: [
      blob,
      asset({
        key: 'reading',
        codeVersion: '1',
        codec: reading,
        inputs: { blob: input<Uint8Array>() },
        run: ({ blob: bytes }) => (calls.push('reading'), new Reading(bytes.map((byte) => byte >> 1))),
      }),
      asset({
        key: 'total',
        codeVersion: '1',
        inputs: { reading: input<Reading>() },
        run: ({ reading: { samples } }) => (calls.push('total'), samples.reduce((a, b) => a + b, 0)),
      }),
    ],
  });
}

const halves = (bytes: Uint8Array): readonly number[] => [...bytes].map((byte) => byte >> 1);
const total = (samples: readonly number[]): number => samples.reduce((a, b) => a + b, 0);

/** How a source gets its next value, and whether the store is opened anew before that. */
const anyTurn = fc.record({
  bytes: fc.uint8Array({ max: 7, maxLength: 4 }),
  by: fc.constantFrom('put' as const, 'sources' as const),
  reopen: fc.boolean(),
});

type Turn = typeof anyTurn extends fc.Arbitrary<infer T> ? T : never;

/** Plays turns, and checks after each what a reader gets, and which bodies ran. */
async function play(turns: readonly Turn[], store: Store, reopen: (store: Store) => Promise<Store>): Promise<Store> {
  let last: Uint8Array | undefined;
  const kept: { readonly position: number; readonly bytes: Uint8Array }[] = [];
  let now = store;
  for (const { bytes, by, reopen: anew } of turns) {
    if (anew) now = await reopen(now);
    const calls: string[] = [];
    if (by === 'put') await now.put(blob, bytes);
    const result = await refresh(definitions(calls), { store: now, ...(by === 'sources' && { sources: { blob: bytes } }) });
    expect((await result.value('reading')).samples).toEqual(halves(bytes));
    expect(await result.value('total')).toBe(total(halves(bytes)));
    const sameBlob = last !== undefined && Buffer.compare(last, bytes) === 0;
    const sameReading = last !== undefined && Buffer.compare(Buffer.from(halves(last)), Buffer.from(halves(bytes))) === 0;
    // One trace an output is looked at: what only an older one has is made again.
    expect(calls).toEqual([...(sameBlob ? [] : ['reading']), ...(sameReading ? [] : ['total'])]);
    last = bytes;
    kept.push({ position: result.position, bytes });
  }
  for (const { position, bytes } of kept) {
    expect(await now.value('blob', { position })).toEqual(new Uint8Array(bytes));
    const then = await now.value('reading', { position });
    expect(then instanceof Reading ? then.samples : then).toEqual(halves(bytes));
  }
  return now;
}

describe('values with codecs, through any turns of a source', () => {
  test('are in memory what they were when they were made', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyTurn, { maxLength: 6 }), async (turns) => {
        await play(turns, memoryStore({ codecs }), async (store) => store);
      }),
      { numRuns: 60 },
    );
  });

  test('are on disk what they were when they were made, also for those who come later', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyTurn, { maxLength: 4 }), async (turns) => {
        const folder = await newFolder();
        const last = await play(turns, await openStore(folder, { codecs }), async (store) => {
          await store.close();
          return openStore(folder, { codecs });
        });
        await last.close();
      }),
      { numRuns: 10 },
    );
  });
});

describe('a store on disk', () => {
  test('keeps such values whole, however little they differ', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const first = new Uint8Array(20_000).fill(1);
    const second = first.with(7, 2);
    const puts = [await store.put(blob, first), await store.put(blob, second)];
    // Plain data of the same bytes, before and after: no change of what cannot be looked into, nor the other way round.
    const rows = Array.from({ length: 400 }, (_, id) => ({ id, name: `row ${id}` }));
    puts.push(
      await store.put('blob', rows),
      await store.put(blob, first.with(9, 3)),
      await store.put('blob', rows.with(3, { id: 0, name: '' })),
    );
    await store.close();
    const environment = await openLmdb(folder, { writable: false, label: 'looking' });
    const kinds = puts.map(({ version }) => {
      const key = valueKey(version);
      const row = environment.tables.values.get(key);
      return row === undefined ? undefined : openValueRow(row, key, 'looking').kind;
    });
    await environment.close();
    expect(kinds).toEqual(['whole', 'whole', 'whole', 'whole', 'whole']);
    expect((await verifyStore(folder)).ok).toBe(true);
    const again = await openStore(folder, { codecs });
    expect(await again.value('blob', { position: 1 })).toEqual(first);
    expect(await again.value('blob', { position: 2 })).toEqual(second);
    await again.close();
  });

  test('keeps one in parts as it keeps any large value', async () => {
    const folder = await newFolder();
    const store = await openStore(folder, { codecs });
    const large = new Uint8Array(300_000).map((_, index) => index % 251);
    await store.put(blob, large);
    expect(Buffer.compare(Buffer.from((await store.value('blob')) as Uint8Array), Buffer.from(large))).toBe(0);
    await store.close();
  });

  test('takes no larger ones than it takes of others, and says which codec it lacks', async () => {
    const store = await openStore(await newFolder(), { maxValueBytes: 10 });
    await store.put(blob, new Uint8Array(5));
    await expect(store.put(blob, new Uint8Array(6))).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
    await expect(store.value('blob')).rejects.toMatchObject({ code: 'CODEC_UNKNOWN', details: { codec: 'raw', key: 'blob', position: 1 } });
    await store.close();
  });

  test('has the codecs of each hold on it', async () => {
    const folder = await newFolder();
    const [knowing, plain] = [await openStore(folder, { codecs }), await openStore(folder)];
    await plain.put(blob, new Uint8Array([3]));
    expect(await knowing.value('blob')).toEqual(new Uint8Array([3]));
    await expect(plain.value('blob')).rejects.toMatchObject({ code: 'CODEC_UNKNOWN' });
    await knowing.close();
    await plain.close();
  });
});
