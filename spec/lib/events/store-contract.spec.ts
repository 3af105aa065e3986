import { describe, expect, test } from 'vitest';
import { createStore, type Store } from '../../../lib/events/store.ts';
import type { LivePort } from '../../../lib/events/store-port.ts';
import { memoryPort } from '../../../lib/memory/memory-port.ts';
import { storeContract } from '../../kit/store-contract.ts';

/** The memory store with something wrong. */
function broken(
  replace: (port: LivePort) => Partial<LivePort>,
): () => Promise<{ readonly store: Store; readonly dispose: () => Promise<void> }> {
  return async () => {
    const port = memoryPort();
    const replaced = replace(port);
    const wrong = new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(name in replaced ? replaced : target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const store = createStore(wrong, { now: () => 0 });
    return { store, dispose: () => store.close() };
  };
}

/** Names of the checks that a store fails. */
async function failuresOf(open: ReturnType<typeof broken>): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, run } of storeContract({ label: 'it', open, reopens: false })) await run().catch(() => failed.push(name));
  return failed;
}

const LAST = 'it remembers for each output the last success before a position, and that it was dropped';
const MISSED = 'it gives what told last that an asset did not come, as of every position';
const HAS = 'it says which values it keeps, in the order asked, without reading any';
const CURSORS = 'it tells cursors apart whose names are alike, also where they are no text that can be written down';

const mistakes: readonly (readonly [what: string, replace: (port: LivePort) => Partial<LivePort>, check: string])[] = [
  [
    'takes no notice of `before`',
    (port) => ({
      lastSettled: (asked, at) =>
        port.lastSettled(
          asked.map(({ before: _, ...output }) => output),
          at,
        ),
    }),
    LAST,
  ],
  [
    'takes `before` to include its position',
    (port) => ({
      lastSettled: (asked, at) =>
        port.lastSettled(
          asked.map((each) => (each.before === undefined ? each : { ...each, before: each.before + 1 })),
          at,
        ),
    }),
    LAST,
  ],
  [
    'takes `before` instead of `at`',
    (port) => ({ lastSettled: (asked, at) => port.lastSettled(asked, asked[0]?.before === undefined ? at : Infinity) }),
    LAST,
  ],
  [
    'takes the `before` of one question for all',
    (port) => ({
      lastSettled: (asked, at) => {
        const { before } = asked[0] ?? {};
        return port.lastSettled(before === undefined ? asked : asked.map((each) => ({ ...each, before })), at);
      },
    }),
    LAST,
  ],
  [
    'forgets that a success dropped an output',
    (port) => ({
      append: (batch) =>
        port.append({ ...batch, events: batch.events.map((event) => (event.type === 'step-settled' ? { ...event, dropped: [] } : event)) }),
    }),
    LAST,
  ],
  ['never tells what did not come', () => ({ missed: async (keys) => keys.map(() => undefined) }), MISSED],
  ['tells it as of now', (port) => ({ missed: (keys) => port.missed(keys, Infinity) }), MISSED],
  ['tells it a position too early', (port) => ({ missed: (keys, at) => port.missed(keys, at + 1) }), MISSED],
  [
    'tells the first time that it did not come',
    (port) => ({
      missed: async (keys, at) => {
        const all = await port.read(1, 1000);
        return keys.map((key) =>
          all.find(
            (event) =>
              (event.type === 'asset-failed' || event.type === 'asset-blocked' || event.type === 'asset-cancelled') &&
              event.key === key &&
              event.position <= at,
          ),
        ) as never;
      },
    }),
    MISSED,
  ],
  [
    'knows of failures alone',
    (port) => ({
      missed: async (keys, at) => (await port.missed(keys, at)).map((event) => (event?.type === 'asset-failed' ? event : undefined)),
    }),
    MISSED,
  ],
  ['answers in another order', (port) => ({ missed: async (keys, at) => (await port.missed(keys, at)).toReversed() }), MISSED],
  ['says that it has everything', () => ({ has: async (addresses) => addresses.map(() => true) }), HAS],
  ['says that it has nothing', () => ({ has: async (addresses) => addresses.map(() => false) }), HAS],
  ['says of each value once whether it has it', (port) => ({ has: (addresses) => port.has([...new Set(addresses)]) }), HAS],
  [
    'takes cursors for one that are the same in UTF-8',
    (port) => ({
      cursor: (name) => port.cursor(Buffer.from(name).toString()),
      setCursor: (name, position) => port.setCursor(Buffer.from(name).toString(), position),
    }),
    CURSORS,
  ],
];

describe('the contract of a store', () => {
  test('is kept by the memory store', async () => {
    expect(await failuresOf(broken(() => ({})))).toEqual([]);
  });

  test.each(mistakes)('is broken by one that %s', async (_, replace, check) => {
    expect(await failuresOf(broken(replace))).toContain(check);
  });
});
