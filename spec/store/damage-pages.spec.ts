import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Findings, type Finding } from '../../store/check-findings.ts';
import { checkPages } from '../../store/check-pages.ts';
import { readHeader } from '../../store/lmdb-header.ts';
import { compactStore } from '../../store/compact.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openSync, closeSync } from 'node:fs';
import { fixedRuns, makeSample } from './damage-samples.ts';
import { newFolder } from './folder.ts';

const PAGE = 4096;
const HEADER = 24;

let folder = '';
let whole = Buffer.alloc(0);

beforeAll(async () => {
  folder = await newFolder();
  await makeSample(folder, fixedRuns(20));
  whole = await readFile(join(folder, 'data.mdb'));
});

async function findingsIn(bytes: Buffer): Promise<readonly Finding[]> {
  const path = join(await newFolder(), 'data.mdb');
  await writeFile(path, bytes);
  const file = openSync(path, 'r');
  const found: Finding[] = [];
  try {
    checkPages({
      file,
      header: readHeader(file),
      findings: new Findings((finding) => void found.push(finding)),
      tellPages: () => undefined,
    });
  } finally {
    closeSync(file);
  }
  return found;
}

/** A file of LMDB, to be changed by hand. */
class Changeable {
  readonly bytes = Buffer.from(whole);

  u16 = (at: number): number => this.bytes.readUInt16LE(at);
  u64 = (at: number): number => Number(this.bytes.readBigUInt64LE(at));
  set64 = (at: number, value: number): unknown => this.bytes.writeBigInt64LE(BigInt(value), at);

  /** Where the meta page begins that was written last. */
  get meta(): number {
    return this.u64(152) > this.u64(PAGE + 152) ? 0 : PAGE;
  }

  /** Where the rows of a page begin. */
  rows(page: number): readonly number[] {
    const count = this.u16(page * PAGE + 20) / 2;
    return Array.from({ length: count }, (_, index) => page * PAGE + HEADER + this.u16(page * PAGE + HEADER + 2 * index));
  }

  keyOf(row: number): string {
    return this.bytes.toString('latin1', row + 8, row + 8 + this.u16(row + 6)).replace(/\0$/, '');
  }

  dataOf(row: number): number {
    return row + 8 + this.u16(row + 6);
  }

  /** Where a table is described. */
  table(name: string): number {
    const row = this.rows(this.u64(this.meta + 136)).find((each) => this.keyOf(each) === name);
    if (row === undefined) throw new Error(`no table ${name}`);
    return this.dataOf(row);
  }

  root(name: string): number {
    return this.u64(this.table(name) + 40);
  }

  /** The first leaf under a page. */
  leaf(page: number): number {
    return (this.u16(page * PAGE + 18) & 2) !== 0 ? page : this.leaf(this.bytes.readUIntLE(this.rows(page)[0] ?? 0, 6));
  }

  /** A list of free pages: where its entries begin. */
  get freeList(): number {
    const row = this.rows(this.leaf(this.u64(this.meta + 88))).at(-1) ?? 0;
    return this.dataOf(row);
  }
}

describe('pages of a file that is whole', () => {
  test('have no findings, with trees that are deep, rows with pages of their own, and pages that are free', async () => {
    const file = new Changeable();
    expect(file.u16(file.table('events') + 6)).toBeGreaterThan(1);
    expect(file.u64(file.table('values') + 24)).toBeGreaterThan(1);
    expect(file.u64(file.freeList)).toBeGreaterThan(0);
    expect(await findingsIn(whole)).toEqual([]);
  });

  test('have none after thousands of changes, of any size, and rows that were removed', async () => {
    const changing = await newFolder();
    await makeSample(changing, fixedRuns(2));
    const environment = await openLmdb(changing, { writable: true, label: 'changing' });
    for (let round = 0; round < 40; round += 1) {
      environment.transact(() => {
        for (let index = 0; index < 50; index += 1) {
          const key = Buffer.from(`${(index * 7919 + round * 13) % 500}`);
          if ((index + round) % 3 === 0) environment.tables.values.removeSync(key);
          else environment.tables.values.putSync(key, Buffer.alloc((index * 977 + round * 131) % 12_000));
        }
      });
    }
    await environment.close();
    expect(await findingsIn(await readFile(join(changing, 'data.mdb')))).toEqual([]);
  });

  test('have none in a copy that was compacted, where one header was never written', async () => {
    const compacted = await newFolder();
    await makeSample(compacted, fixedRuns(4));
    await compactStore(compacted);
    expect(await findingsIn(await readFile(join(compacted, 'data.mdb')))).toEqual([]);
  });
});

describe('a page is found that', () => {
  test.each<[string, (file: Changeable) => unknown, RegExp]>([
    ['stands in the place of another', (file) => file.set64(file.root('events') * PAGE, 3), /says that it is page 3/],
    ['is of another kind', (file) => file.bytes.writeUInt16LE(4, file.root('events') * PAGE + 18), /kind/],
    ['is a leaf where a branch should be', (file) => file.bytes.writeUInt16LE(1, file.table('events') + 6), /kind/],
    ['was written by a later transaction', (file) => file.set64(file.root('names') * PAGE + 8, 2 ** 40), /transaction/],
    ['has an odd number of bytes for its list', (file) => file.bytes.writeUInt16LE(3, file.root('events') * PAGE + 20), /header/],
    ['has more room than there is', (file) => file.bytes.writeUInt16LE(PAGE, file.root('events') * PAGE + 22), /header/],
    ['has no rows', (file) => file.bytes.writeUInt16LE(0, file.leaf(file.root('events')) * PAGE + 20), /no rows/],
    [
      'has a row outside of itself',
      (file) => file.bytes.writeUInt16LE(PAGE - 4, file.leaf(file.root('events')) * PAGE + HEADER),
      /outside/,
    ],
    ['has a row in its own list', (file) => file.bytes.writeUInt16LE(0, file.leaf(file.root('events')) * PAGE + HEADER), /outside/],
    [
      'has a row that is too long',
      (file) => file.bytes.writeUInt16LE(PAGE, file.rows(file.leaf(file.root('events')))[0] ?? 0),
      /reaches out/,
    ],
    [
      'has a row of a kind that is none',
      (file) => file.bytes.writeUInt16LE(8, (file.rows(file.leaf(file.root('events')))[0] ?? 0) + 4),
      /kind/,
    ],
    [
      'has its rows in another order',
      (file) => {
        const list = file.leaf(file.root('names')) * PAGE + HEADER;
        const [first, second] = [file.u16(list), file.u16(list + 2)];
        file.bytes.writeUInt16LE(second, list);
        file.bytes.writeUInt16LE(first, list + 2);
      },
      /order/,
    ],
    [
      'has a key that belongs to another page',
      (file) =>
        file.bytes.fill(
          0xff,
          (file.rows(file.leaf(file.root('events'))).at(-1) ?? 0) + 8,
          (file.rows(file.leaf(file.root('events'))).at(-1) ?? 0) + 14,
        ),
      /order/,
    ],
    [
      'has a key that stands before its page',
      (file) => {
        const second = file.bytes.readUIntLE(file.rows(file.root('events'))[1] ?? 0, 6);
        file.bytes.fill(0, (file.rows(second)[0] ?? 0) + 8, (file.rows(second)[0] ?? 0) + 14);
      },
      /order/,
    ],
    [
      'is in two places',
      (file) => {
        const [first, second] = file.rows(file.root('events'));
        file.bytes.copy(file.bytes, second ?? 0, first ?? 0, (first ?? 0) + 6);
      },
      /two places/,
    ],
    ['is not there', (file) => file.bytes.writeUIntLE(99_999, file.rows(file.root('events'))[0] ?? 0, 6), /no such page/],
    ['is a header of LMDB', (file) => file.bytes.writeUIntLE(1, file.rows(file.root('events'))[0] ?? 0, 6), /no such page/],
    ['is the root of fewer rows than it says', (file) => file.set64(file.table('events') + 32, 1), /entries/],
    ['is the root of fewer pages than it says', (file) => file.set64(file.table('events') + 16, 99), /leafPages/],
    ['is in use, and is listed as free', (file) => file.set64(file.freeList + 8, file.root('events')), /free|two places/],
    [
      'is listed as free twice',
      (file) => file.bytes.copy(file.bytes, file.freeList + 16, file.freeList + 8, file.freeList + 16),
      /two places|longer|no such page/,
    ],
    ['is listed as free, and is not there', (file) => file.set64(file.freeList + 8, 99_999), /no such page/],
    ['begins a run of free pages without an end', (file) => file.set64(file.freeList + 8, -99_999), /longer/],
    ['is in a list of free pages that is cut off', (file) => file.set64(file.freeList, 10_000), /cut off/],
    [
      'is a header that counts other transactions than the other',
      (file) => file.set64(file.meta + 152, file.u64(file.meta + 152) + 2),
      /counts/,
    ],
    ['is a header in the place of the other', (file) => file.set64(file.meta + 152, file.u64(file.meta + 152) + 1), /counts/],
    ['is a header of a transaction that was lost', (file) => file.set64(file.meta + 152, 5), /counts/],
  ])('%s', async (_, change, message) => {
    const file = new Changeable();
    change(file);
    const found = await findingsIn(file.bytes);
    expect(found).toEqual([{ code: 'page', table: null, key: expect.stringMatching(/^\d+$/), message: expect.stringMatching(message) }]);
  });

  test('belongs to a row that needs another number of them', async () => {
    const file = new Changeable();
    const owner = ownerOfPages(file);
    const first = file.u64(file.dataOf(owner));
    for (const change of [
      () => file.set64(file.dataOf(owner) + 16, 9),
      () => file.bytes.writeUInt32LE(9, first * PAGE + 20),
      () => file.set64(first * PAGE, first + 1),
      () => file.bytes.writeUInt32LE(70_000, owner),
    ]) {
      const before = Buffer.from(file.bytes);
      change();
      expect(await findingsIn(file.bytes)).toHaveLength(1);
      before.copy(file.bytes);
    }
    expect(await findingsIn(file.bytes)).toEqual([]);
  });
});

/** A row with pages of its own, in the first leaf that has one. */
function ownerOfPages(file: Changeable): number {
  const root = file.root('values');
  const leaves = (file.u16(root * PAGE + 18) & 2) !== 0 ? [root] : file.rows(root).map((row) => file.bytes.readUIntLE(row, 6));
  const owner = leaves.flatMap((leaf) => file.rows(leaf)).find((row) => file.u16(row + 4) === 1);
  if (owner === undefined) throw new Error('no row has pages of its own');
  return owner;
}
