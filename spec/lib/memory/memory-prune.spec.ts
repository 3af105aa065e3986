import { setImmediate as turnOfLoop } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryStore, pruneStore } from '../../../lib/memory/index.ts';
import type { Store } from '../../../lib/events/store.ts';
import type { StoredValue } from '../../../lib/events/store-port.ts';
import { sampleValue, sourceObserved, stepSettled } from '../../kit/sample-events.ts';

/** So many pieces of a prune, and a little. */
const MANY = 5200;
const values = Array.from({ length: MANY + 200 }, (_, index) => sampleValue(index));

function valueAt(index: number): StoredValue {
  const value = values[index];
  if (value === undefined) throw new Error('there are that many');
  return value;
}

function observed(key: string, index: number) {
  const { address } = valueAt(index);
  return sourceObserved(key, { address, version: address });
}

/** A store with so many versions of one source. */
async function storeOfMany(): Promise<Store> {
  const store = memoryStore({ retention: false });
  const events = Array.from({ length: MANY }, (_, index) => observed('s', index));
  await store.port.append({ events, values: values.slice(0, MANY) });
  return store;
}

async function keptCount(store: Store): Promise<number> {
  return (await store.port.has(values.map(({ address }) => address))).filter(Boolean).length;
}

/** What others do while a prune is under way: they bring a value, refer to one that is there, or have read one that is there. */
interface Deed {
  readonly does: 'append' | 'refer' | 'read';
  readonly index: number;
}

const anyDeeds = fc.array(
  fc.record({ does: fc.constantFrom('append', 'refer', 'read'), index: fc.nat({ max: MANY - 1 }) } satisfies {
    [Name in keyof Deed]: fc.Arbitrary<Deed[Name]>;
  }),
  { minLength: 5, maxLength: 40 },
);

/** Does it, and gives the value that has to stay from then on, if there is one. */
async function act({ port }: Store, { does, index }: Deed): Promise<string | undefined> {
  const { address } = valueAt(index);
  const isThere = port.has([address]);
  // Nothing comes between these two: in memory all is done when a call returns.
  if (does === 'append') await port.append({ events: [observed(`own ${index}`, index)], values: [valueAt(index)] });
  else if (does === 'refer') await port.append({ events: [observed(`own ${index}`, index)], values: [] });
  else {
    const read = { input: 'x', kind: 'value', origin: { from: 'asset', key: 's' }, state: { state: 'absent' }, position: index + 1 };
    // A key as any user would write it.
    await port.append({ events: [stepSettled({ inputs: [read] as never, outputs: [] })], values: [] });
  }
  return does === 'append' || (await isThere)[0] === true ? address : undefined;
}

describe('a prune of a memory store', () => {
  test('lets others have their turns, however much there is to look at', async () => {
    const store = await storeOfMany();
    let [turns, isDone] = [0, false];
    const others = (async () => {
      for (; !isDone; turns += 1) await turnOfLoop();
    })();
    const report = await pruneStore(store, { versions: 1, runs: 0 });
    isDone = true;
    await others;
    expect(report.values).toEqual({ kept: 1, removed: MANY - 1, rewritten: 0, bytes: expect.any(Number) });
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  test('keeps what is brought, referred to or read between its pieces', async () => {
    await fc.assert(
      fc.asyncProperty(anyDeeds, async (deeds) => {
        const store = await storeOfMany();
        const stays = new Set<string>();
        let isDone = false;
        // It has begun, and looks from the head that there is now.
        const pruned = pruneStore(store, { versions: 1, runs: 0 });
        const others = (async () => {
          for (const deed of deeds) {
            if (isDone) return;
            const address = await act(store, deed);
            if (address !== undefined) stays.add(address);
            await turnOfLoop();
          }
        })();
        const report = await pruned;
        isDone = true;
        await others;
        const needed = [...stays, valueAt(MANY - 1).address];
        expect(await store.port.has(needed)).toEqual(needed.map(() => true));
        // And nothing more is kept: all else was there when it began.
        expect(await keptCount(store)).toBe(new Set(needed).size);
        expect(report.values.removed).toBeGreaterThanOrEqual(MANY - new Set(needed).size);
      }),
      { numRuns: 25 },
    );
  });

  test('stops between two pieces: what was removed stays so, and the next one goes on', async () => {
    const store = await storeOfMany();
    const controller = new AbortController();
    const onProgress = ({ doing }: { readonly doing: string }): void => {
      if (doing === 'values') controller.abort(new Error('enough'));
    };
    await expect(pruneStore(store, { versions: 1, runs: 0, onProgress, signal: controller.signal })).rejects.toThrow('enough');
    const kept = await keptCount(store);
    expect(kept).toBeGreaterThan(1);
    expect(kept).toBeLessThan(MANY);
    await pruneStore(store, { versions: 1, runs: 0 });
    expect(await keptCount(store)).toBe(1);
  });

  test('comes to its end beside a program that gives the event loop no turn', async () => {
    const store = memoryStore({ retention: { versions: 1, runs: 0, every: 2000 } });
    for (let turn = 0; turn < 20; turn += 1)
      for (const [index, value] of values.entries()) await store.port.append({ events: [observed('s', index)], values: [value] });
    expect(await keptCount(store)).toBeLessThan(MANY);
    const addresses = Array.from({ length: 20_000 }, (_, index) => `other ${index}`).map(sampleValue);
    let most = 0;
    for (const [index, value] of addresses.entries()) {
      await store.port.append({ events: [sourceObserved('s', { address: value.address, version: value.address })], values: [value] });
      if (index % 1000 === 999) {
        const there = await store.port.has(addresses.map(({ address }) => address));
        most = Math.max(most, there.filter(Boolean).length);
      }
    }
    // What was added since the last time, what this one looks at, and a piece.
    expect(most).toBeLessThan(12_000);
  });
});
