import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCatalogStore, type Catalog } from '../../lib/events/catalog.ts';
import type { NewEvent } from '../../lib/events/logged-event.ts';
import type { Store } from '../../lib/events/store.ts';
import { KnownNames } from '../../store/known-names.ts';
import { KnownPositions } from '../../store/known-positions.ts';
import { openLmdb, type LmdbEnvironment } from '../../store/lmdb-environment.ts';
import { LogReader } from '../../store/log-reader.ts';
import { Names, type Name } from '../../store/names.ts';
import { openStore } from '../../store/open-store.ts';
import type { Tables } from '../../store/tables.ts';
import {
  absent,
  batchOf,
  materialized,
  missed,
  runEnded,
  runStarted,
  sampleKey,
  sourceObserved,
  stepSettled,
} from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

const KEYS = Array.from({ length: 12 }, (_, index) => sampleKey(`k${index}`));
const place = fc.nat({ max: KEYS.length - 1 });
const key = place.map((index) => KEYS[index] ?? 'k0');
const event: fc.Arbitrary<NewEvent> = fc.oneof(
  key.map((name) => sourceObserved(name)),
  key.map((name) => materialized(name)),
  key.map((name) => absent(name)),
  key.map((name) => missed(name)),
  fc.tuple(key, fc.constantFrom('succeeded', 'skipped', 'cancelled'), fc.subarray(['x', 'y'])).map(([step, outcome, dropped]) => stepSettled({ step, outcome, dropped })),
  key.map((runId) => runStarted({ runId })),
  key.map((runId) => runEnded({ runId })),
); // prettier-ignore

/** What happens to a store: an append, so often, or a question as of a share of the log. */
const action = fc.oneof(
  fc.record({ append: fc.array(event, { minLength: 1, maxLength: 4 }), times: fc.constantFrom(1, 1, 1, 20, 200) }),
  fc.record({ asked: fc.uniqueArray(key), as: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

function allNames(reader: LogReader): readonly Name[] {
  return reader.names(undefined, 1_000_000).names;
}

function sorted({ keys, outputs }: Catalog): unknown {
  return [[...keys].toSorted(), outputs.map((output) => JSON.stringify(output)).toSorted()];
}

/** A catalog that is listed where it is not known. */
function listed(known: KnownNames, reader: LogReader): Catalog {
  return known.catalog(reader) ?? known.learn(allNames(reader), reader.state());
}

function readerOf(tables: Tables): LogReader {
  return new LogReader(tables, new Names('known'), 'known');
}

/** A store, and another environment on its folder: what that reads was written by somebody else. */
async function withOther(use: (store: Store, other: LmdbEnvironment) => Promise<void>): Promise<void> {
  const folder = await newFolder();
  await using store = await openStore(folder);
  const other = await openLmdb(folder, { writable: true, label: 'known' });
  try {
    await use(store, other);
  } finally {
    await other.close();
  }
}

async function listedBy({ port }: Store): Promise<Catalog> {
  if (isCatalogStore(port)) return port.catalog();
  throw new Error('A store on disk can list what it has.');
}

describe('what is known of a log', () => {
  test('is what the log says, whatever others append and whenever it is asked for', () =>
    fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 12 }), (actions) =>
        withOther(async (store, other) => {
          const [names, positions] = [new KnownNames(), new KnownPositions()];
          for (const each of actions) {
            if ('append' in each) {
              await Promise.all(Array.from({ length: each.times }, () => store.port.append(batchOf(...each.append))));
              continue;
            }
            other.refresh();
            const reader = readerOf(other.tables);
            const at = Math.round(each.as * reader.state().head);
            const wanted = each.asked.map((name) => sampleKey(name));
            const truth = wanted.map((name) => reader.readableAt(name, at));
            expect(positions.readableAt(reader, wanted, at)).toEqual(truth);
            expect(await store.port.readableAt?.(wanted, at)).toEqual(truth);
            const catalog = sorted(new KnownNames().learn(allNames(reader), reader.state()));
            expect(sorted(listed(names, reader))).toEqual(catalog);
            expect(sorted(await listedBy(store))).toEqual(catalog);
          }
        }),
      ),
      { numRuns: 25 },
    ));

  test('is found out once: what the writer of a process gives names to needs no reading', async () => {
    const store = await openStore(await newFolder());
    const { port } = store;
    await port.append(batchOf(sourceObserved('a')));
    const first = await listedBy(store);
    const more = Array.from({ length: 600 }, (_, time) => batchOf(sourceObserved('a', { time }), runStarted({ runId: `r${time}` })));
    await Promise.all(more.map((batch) => port.append(batch)));
    expect(await listedBy(store)).toBe(first);
    await port.append(batchOf(sourceObserved('b')));
    expect(await listedBy(store)).toEqual({ keys: ['a', 'b'], outputs: [] });
    await store.close();
  });

  test('is not known of events that nobody knows, nor of names that old events got later', async () => {
    const names = new KnownNames();
    const state = { epoch: 1, head: 3, nextName: 4 };
    // All that is asked of a reader here.
    const reader = (now: typeof state, events: readonly unknown[]): LogReader => ({ state: () => now, events: () => events }) as unknown as LogReader; // prettier-ignore
    names.learn(['["key","a"]', '["run","r"]'], state);
    expect(names.catalog(reader(state, []))?.keys).toEqual(['a']);
    expect(names.catalog(reader({ ...state, nextName: 5 }, []))).toBeUndefined();
    names.learn(['["key","a"]'], state);
    expect(names.catalog(reader({ ...state, head: 4, nextName: 5 }, [{ type: 'unknown', kind: 'new', position: 4 }]))).toBeUndefined();
    names.learn(['["key","a"]'], state);
    expect(names.catalog(reader({ ...state, head: 4, nextName: 5 }, [{ ...sourceObserved('b'), position: 4 }]))?.keys).toEqual(['a', 'b']);
    expect(names.catalog(reader({ ...state, head: 2, nextName: 3 }, []))).toBeUndefined();
  });
});
