import { describe, expect, test } from 'vitest';
import type { Finding } from '../../store/check-findings.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { chunkKey } from '../../store/chunks.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import type { Tables } from '../../store/tables.ts';
import { openValueRow, patchRow, removedRow, valueKey, type PatchRow } from '../../store/value-rows.ts';
import { sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { ballast } from './any-version.ts';
import { newFolder } from './folder.ts';

const versions = [1, 2, 3].map((price) => sampleValue([...ballast(400), { price }]));
const large = sampleValue('x'.repeat(300_000));
const [first = large, second = large, third = large] = versions;
const [firstKey, secondKey, thirdKey] = [first, second, third].map(({ address }) => valueKey(address)) as [Buffer, Buffer, Buffer];
const largeKey = valueKey(large.address);

/** A store with a value in parts, and one in full of which two others are changes; then changed by hand. */
async function changed(change: (tables: Tables) => void): Promise<string> {
  const folder = await newFolder();
  const store = await openStore(folder);
  for (const [index, value] of [...versions, large].entries()) {
    const base = versions[index - 1]?.address;
    const stored = index === 0 || base === undefined ? value : { ...value, base };
    await store.port.append({ events: [sourceObserved('s', { address: value.address })], values: [stored] });
  }
  await store.close();
  const environment = await openLmdb(folder, { writable: true, label: 'changing' });
  environment.transact(() => change(environment.tables));
  await environment.close();
  return folder;
}

async function foundIn(folder: string): Promise<readonly string[]> {
  const found: Finding[] = [];
  const tellFinding = (finding: Finding): void => void found.push(finding);
  await checkStoreFile(folder, { label: 'checked', tellRows: () => undefined, tellFinding });
  return found.map(({ code, table, key }) => `${code} ${table} ${key}`);
}

function patchAt({ values }: Tables, key: Buffer): PatchRow {
  const row = openValueRow(values.get(key) ?? Buffer.alloc(0), key, 'changing');
  if (row.kind !== 'patch') throw new Error('no change');
  return row;
}

/** Writes the row of a change with something else in it, its checksum right. */
function rewrite(key: Buffer, fields: Partial<PatchRow>): (tables: Tables) => void {
  return (tables) => tables.values.putSync(key, patchRow(key, { ...patchAt(tables, key), ...fields }));
}

function flip(name: 'values' | 'chunks', key: Buffer): (tables: Tables) => void {
  return (tables) => {
    const row = Buffer.from(tables[name].get(key) ?? Buffer.alloc(0));
    row[row.length - 10] = (row.at(-10) ?? 0) ^ 4;
    tables[name].putSync(key, row);
  };
}

const at = (key: Buffer): string => key.toString('hex');
const wrong = (...keys: readonly Buffer[]): readonly string[] => keys.map((key) => `value-wrong values ${at(key)}`).toSorted();
const gone = (key: Buffer): Buffer => removedRow(key, { reason: 'retention', size: 1, head: 4 });

const cases: readonly (readonly [string, (tables: Tables) => void, readonly string[]])[] = [
  ['nothing', () => undefined, []],
  ['a value that was removed with its parts', (tables) => {
    for (let number = 0; number < 5; number += 1) tables.chunks.removeSync(chunkKey(largeKey, number));
    tables.values.putSync(largeKey, gone(largeKey));
  }, []],
  ['a value that was removed without its parts', (tables) => tables.values.putSync(largeKey, gone(largeKey)),
    [0, 1, 2, 3, 4].map((number) => `chunk-wrong chunks ${at(chunkKey(largeKey, number))}`)],
  ['a part beyond the last', (tables) => tables.chunks.putSync(chunkKey(largeKey, 5), Buffer.of(1)), [`chunk-wrong chunks ${at(chunkKey(largeKey, 5))}`]],
  ['a part of nothing', (tables) => tables.chunks.putSync(chunkKey(firstKey, 0), Buffer.of(1)), [`chunk-wrong chunks ${at(chunkKey(firstKey, 0))}`]],
  ['a part that is gone', (tables) => void tables.chunks.removeSync(chunkKey(largeKey, 2)), wrong(largeKey)],
  ['a part that is shorter', (tables) => tables.chunks.putSync(chunkKey(largeKey, 4), Buffer.of(1)), wrong(largeKey)],
  ['a part with a bit flipped', flip('chunks', chunkKey(largeKey, 1)), wrong(largeKey)],
  ['a change with a bit flipped', flip('values', thirdKey), wrong(thirdKey)],
  ['a value with a bit flipped that others are changes of', flip('values', firstKey), wrong(firstKey, secondKey, thirdKey)],
  ['a change of a value that was removed', (tables) => tables.values.putSync(firstKey, gone(firstKey)), wrong(secondKey, thirdKey)],
  ['a change of a value that is gone', (tables) => void tables.values.removeSync(secondKey), wrong(thirdKey)],
  ['a change whose row says that it is nearer than it is', rewrite(thirdKey, { depth: 1 }), wrong(thirdKey)],
  ['a change whose row says that it is further than any', rewrite(thirdKey, { depth: 33 }), wrong(thirdKey)],
  ['a change whose row says that it is further than it is, as after a prune', rewrite(thirdKey, { depth: 32 }), []],
  ['a change of another size', rewrite(thirdKey, { size: 5 }), wrong(thirdKey)],
  ['a change of the wrong value', rewrite(thirdKey, { base: firstKey, depth: 1, patches: Buffer.of(1, 0x80) }), wrong(thirdKey)],
  ['changes that go round in a circle', rewrite(secondKey, { base: thirdKey }), wrong(secondKey, thirdKey)],
  ['a row that says it is gone, with a bit flipped', (tables) => {
    tables.values.putSync(largeKey, gone(largeKey));
    flip('values', largeKey)(tables);
  }, wrong(largeKey)],
  ['a row that says it is gone, and is cut off', (tables) => tables.values.putSync(firstKey, gone(firstKey).subarray(0, 8)), wrong(firstKey, secondKey, thirdKey)],
]; // prettier-ignore

describe('the check of values', () => {
  test.each(cases)('finds %s', async (_, change, expected) => {
    const found = await foundIn(await changed(change));
    // An event refers to the value that is gone; and where rows are wrong, parts may belong to them.
    expect(found.filter((each) => !each.startsWith('value-missing')).toSorted()).toEqual(expected);
  });

  test.each(cases.filter(([, , expected]) => expected.some((each) => each.startsWith('value-wrong'))))(
    'and reading of it throws: %s',
    async (_, change, expected) => {
      const store = await openStore(await changed(change), { mode: 'read' });
      for (const { address } of [...versions, large]) {
        const isWrong = expected.includes(`value-wrong values ${at(valueKey(address))}`);
        const [answer] = await Promise.allSettled([store.port.values([address])]);
        // What a row says of its size and depth is for the check alone: the value that comes out is right.
        const isReadable = !isWrong || /nearer|further|another size/.test(_);
        const row = isReadable ? { status: 'fulfilled' } : { status: 'rejected', reason: { code: 'STORE_CORRUPT' } };
        expect(answer).toMatchObject(row);
      }
      await store.close();
    },
  );
});
