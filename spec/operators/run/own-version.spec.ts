import { describe, expect, test } from 'vitest';
import { asset, define, emit, input, materialize, op, output, type Store } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { newStore } from '../../store/folder.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';
import { making } from './schemas-rig.ts';

const own = (value: unknown, version: string) => asset({ key: 'own', run: (_, { annotate }) => (annotate('result', { version }), value) });

/** The event of `own` after a run. */
async function latest(value: unknown, version: string, store: Store = memoryStore()) {
  await materialize(define({ assets: [own(value, version)] }), { store });
  const event = await store.latest('own');
  if (event?.type !== 'asset-materialized') throw new Error('it was not materialized');
  return event;
}

describe('a version of the body’s own', () => {
  test('is recorded as user:…, and the address stays that of the bytes', async () => {
    const [one, two, other] = [await latest({ a: 1 }, 'v1'), await latest({ a: 1 }, 'v2'), await latest({ a: 2 }, 'v1')];
    expect([one.version, two.version, other.version]).toEqual(['user:v1', 'user:v2', 'user:v1']);
    expect(one.address).toMatch(/^sha256:/);
    expect(two.address).toBe(one.address);
    expect(other.address).not.toBe(one.address);
    const store = memoryStore();
    await latest({ a: 1 }, 'v1', store);
    expect(await store.value('own')).toEqual({ a: 1 });
    await latest({ a: 2 }, 'v1', store);
    expect(await store.value('own')).toEqual({ a: 2 });
  });

  test('is whatever its text is, in both stores: never mistaken for a hash or for another', async () => {
    const disk = await newStore();
    const versions = ['sha256:0', 'user:v1', ' ', '\n', 'ä€😀', '\u0000', '\uFEFFv', '\uD800', '\uDC00', 'v'.repeat(1000), '"W/\\"'];
    const stores = [memoryStore(), disk.store];
    for (const store of stores) for (const version of versions) expect((await latest(1, version, store)).version).toBe(`user:${version}`);
    const again = (await disk.reopen?.()) ?? disk.store;
    const read = ofType(await logOf(again), 'asset-materialized').map(({ version }) => version);
    expect(read).toEqual(versions.map((version) => `user:${version}`));
    await disk.dispose();
  });

  test('is what readers are recorded to have read', async () => {
    const made = op({
      name: 'made',
      outputs: { x: output<number>() },
      *run() {
        yield emit('x', 1, { version: 'etag' });
      },
    });
    const reads = op({ name: 'reads', inputs: { x: input<number>() }, run: ({ x }) => x });
    const store = memoryStore();
    await materialize(
      whole(() => ({ out: reads({ x: made().x }) })),
      { store },
    );
    const [first, second] = ofType(await logOf(store), 'step-settled');
    expect(first?.outputs).toMatchObject([{ output: 'x', state: { state: 'value', version: 'user:etag' } }]);
    expect(second?.inputs).toMatchObject([{ input: 'x', state: { state: 'value', version: 'user:etag' } }]);
  });

  test('holds for what passes by reference, and for what lives elsewhere', async () => {
    const kinds: readonly (readonly [unknown, boolean])[] = [
      [{ a: 1 }, true],
      [new URL('https://example.com'), false],
      [new URL('https://example.com'), true],
    ];
    for (const [value, transient] of kinds) {
      const made = op({
        name: 'made',
        outputs: { x: output<unknown>({ transient }) },
        *run() {
          yield emit('x', value, { version: 'v' });
        },
      });
      const reads = op({ name: 'reads', inputs: { x: input<unknown>() }, run: ({ x }) => x === value });
      const store = memoryStore();
      const result = await materialize(
        whole(() => ({ out: reads({ x: made().x }) })),
        { store },
      );
      expect(result.value('out')).toBe(true);
      expect(ofType(await logOf(store), 'step-settled')[0]?.outputs[0]?.state).toEqual({ state: 'value', version: 'user:v' });
    }
    const elsewhere = await latest(undefined, 'v');
    expect([elsewhere.version, elsewhere.address]).toEqual(['user:v', null]);
  });

  test('is for what the schema made, where there is one', async () => {
    const made = asset({
      key: 'own',
      result: making((n: number) => n * 2),
      run: (_, { annotate }) => (annotate('result', { version: 'v' }), 1),
    });
    const store = memoryStore();
    await materialize(define({ assets: [made] }), { store });
    expect([await store.value('own'), await store.latest('own')]).toMatchObject([2, { version: 'user:v' }]);
  });

  test('that is none fails the step, wherever it is said', async () => {
    for (const version of ['', 5, null, 'v'.repeat(1001)]) {
      const emitted = op({
        name: 'made',
        outputs: { x: output<number>() },
        *run() {
          yield emit('x', 1, { version: untyped(version) });
        },
      });
      const thrown = await materialize(
        whole(() => ({ ...emitted() })),
        { throwOnFailure: false },
      );
      expect(thrown.errors).toMatchObject([
        { code: 'OP_THREW', cause: { code: 'INVALID_OPTION', message: expect.stringContaining('1 to 1000 characters') } },
      ]);
      const annotated = await materialize(define({ assets: [own(1, untyped(version))] }), { throwOnFailure: false });
      expect(annotated.errors).toMatchObject([{ code: 'OP_BODY', message: expect.stringContaining('1 to 1000 characters') }]);
    }
  });
});
