import { hash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'lmdb';
import { beforeAll, describe, expect, test } from 'vitest';
import { compactStore } from '../../store/compact.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { treeFrom } from '../../store/lmdb-header.ts';
import { openForCare } from '../../store/lmdb-copy.ts';
import { readState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { offsetKey } from '../../store/offsets.ts';
import { record } from '../../store/record.ts';
import { rankPages, RANK, type RankedPages } from '../../store/salvage-order.ts';
import { DamagedFile } from '../../store/salvage-pages.ts';
import { salvageRoots, type SalvagedRoots } from '../../store/salvage-roots.ts';
import { META, positionKey, type Tables } from '../../store/tables.ts';
import { addressOf } from '../../store/value-rows.ts';
import { materialized, sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { fixedRuns } from './damage-samples.ts';
import { newFolder } from './folder.ts';
import { contentsOf, folderOf, makeRichStore, PAGE, READ, repairHere, type Contents } from './repair-samples.ts';

let whole = Buffer.alloc(0);
let contents: Contents = { head: 0, events: [], values: new Map(), cursor: undefined, offsets: [] };

beforeAll(async () => {
  const folder = await newFolder();
  await makeRichStore(folder, fixedRuns(20), { prunes: false });
  whole = await readFile(join(folder, 'data.mdb'));
  contents = await contentsOf(folder);
});

async function look(bytes: Buffer): Promise<{ readonly ranked: RankedPages; readonly roots: SalvagedRoots; readonly eventsRoot: number }> {
  const file = openSync(join(await folderOf(bytes), 'data.mdb'), 'r');
  const roots = salvageRoots(file);
  const damaged = new DamagedFile(file, roots.pageSize);
  const ranked = rankPages(damaged, roots, () => undefined);
  const main = damaged.page(roots.metas[0]?.main.root ?? 0).nodes();
  const events = main.find(({ key }) => key.toString('latin1').startsWith('events'))?.data ?? Buffer.alloc(48);
  closeSync(file);
  return { ranked, roots, eventsRoot: treeFrom(events, 0).root ?? 0 };
}

/** The bytes of the store after a change by hand, of which the pages of before are left. */
async function changed(...changes: readonly ((tables: Tables) => void)[]): Promise<Buffer> {
  const folder = await folderOf(whole);
  for (const change of changes) {
    const environment = await openLmdb(folder, { writable: true, label: 'changing' });
    environment.transact(() => change(environment.tables));
    await environment.close();
  }
  return readFile(join(folder, 'data.mdb'));
}

/** Where the nodes of a page begin. */
function nodesOf(bytes: Buffer, page: number): readonly number[] {
  const start = page * PAGE;
  return Array.from({ length: bytes.readUInt16LE(start + 20) / 2 }, (_, index) => start + 24 + bytes.readUInt16LE(start + 24 + 2 * index));
}

function rankOf({ pages }: RankedPages, page: number): number | undefined {
  return pages.find((each) => each.page === page)?.rank;
}

function leavesIn({ pages }: RankedPages): readonly number[] {
  return pages.filter(({ rank }) => rank === RANK.newest).map(({ page }) => page);
}

/** The first key of a leaf. */
function keyIn(bytes: Buffer, page: number): Buffer {
  const [node = 0] = nodesOf(bytes, page);
  return bytes.subarray(node + 8, node + 8 + bytes.readUInt16LE(node + 6));
}

/** A leaf with one row. */
function leafWith(number: number, key: Buffer, row: Buffer): Buffer {
  const page = Buffer.alloc(PAGE);
  page.writeUInt32LE(number, 0);
  page.writeUInt16LE(2, 18);
  page.writeUInt16LE(2, 20);
  page.writeUInt16LE(1000, 22);
  page.writeUInt16LE(1000, 24);
  page.writeUInt32LE(row.length, 1024);
  page.writeUInt16LE(key.length, 1030);
  key.copy(page, 1032);
  row.copy(page, 1032 + key.length);
  return page;
}

describe('pages of a store that is whole', () => {
  test('are in the trees of its snapshots, or are listed as free', async () => {
    const { ranked, roots } = await look(whole);
    expect(roots.isCertain).toBe(true);
    expect(ranked.later).toBeUndefined();
    expect(ranked.pages.filter(({ rank }) => rank === RANK.cutOff)).toEqual([]);
    expect(ranked.newest).toMatchObject({ isMainWhole: true, isFreeListWhole: true });
    expect([...(ranked.newest?.tables.values() ?? [])].every(({ isWhole }) => isWhole)).toBe(true);
  });
});

describe('a page that is broken', () => {
  test('hides those below it, which count as in use', async () => {
    const { eventsRoot } = await look(whole);
    expect(whole.readUInt16LE(eventsRoot * PAGE + 18)).toBe(1);
    const { parts, contents: after } = await repairHere(
      await folderOf(Buffer.from(whole).fill(0, eventsRoot * PAGE, (eventsRoot + 1) * PAGE)),
    );
    expect(after).toEqual(contents);
    expect(parts).toMatchObject({ isHeadKnown: true, events: { lost: { count: 0 }, uncertain: { count: 0 } } });
  });

  test('does not bring pages in that a changed branch points at', async () => {
    const { eventsRoot, ranked } = await look(whole);
    const bytes = Buffer.from(whole);
    const [first = 0, second = 0] = nodesOf(bytes, eventsRoot);
    const [hidden, other] = [bytes.readUIntLE(first, 6), bytes.readUIntLE(second, 6)];
    expect(rankOf(ranked, hidden)).toBe(RANK.newest);
    bytes.copy(bytes, first, second, second + 6);
    const after = await look(bytes);
    expect(rankOf(after.ranked, hidden)).toBe(RANK.cutOff);
    expect(rankOf(after.ranked, other)).toBe(RANK.newest);
    expect(after.ranked.newest?.tables.get('events')?.isWhole).toBe(false);
  });

  test('does not bring pages in of another table', async () => {
    const { eventsRoot, ranked } = await look(whole);
    const bytes = Buffer.from(whole);
    const [first = 0] = nodesOf(bytes, eventsRoot);
    // A leaf with keys of 32 bytes.
    const foreign = leavesIn(ranked).find((page) => keyIn(bytes, page).length === 32) ?? 0;
    bytes.writeUIntLE(foreign, first, 6);
    const { ranked: after } = await look(bytes);
    const whole32 = ['appends', 'cursors', 'names', 'values'].map((name) => after.newest?.tables.get(name)?.isWhole);
    expect(whole32).toEqual([true, true, true, true]);
    expect(after.newest?.tables.get('events')?.isWhole).toBe(false);
  });

  test('is not of the newest snapshot where it says that it is another one', async () => {
    const { eventsRoot, ranked } = await look(whole);
    const bytes = Buffer.from(whole);
    const last = bytes.readUIntLE(nodesOf(bytes, eventsRoot).at(-1) ?? 0, 6);
    const before = ranked.pages.find(({ page, rank }) => rank > RANK.cutOff && keyIn(bytes, page).equals(keyIn(bytes, last)))?.page ?? 0;
    bytes.copy(bytes, last * PAGE, before * PAGE, (before + 1) * PAGE);
    expect(rankOf(ranked, last)).toBe(RANK.newest);
    expect(rankOf((await look(bytes)).ranked, last)).toBe(RANK.stray);
  });

  test('gives its rows where only its list of them is broken', async () => {
    const bytes = Buffer.from(whole);
    const { eventsRoot } = await look(bytes);
    for (const node of nodesOf(bytes, eventsRoot)) bytes.writeUInt16LE(4095, bytes.readUIntLE(node, 6) * PAGE + 20);
    // Nothing of before.
    const { ranked } = await look(whole);
    for (const { page, rank } of ranked.pages) if (rank > RANK.cutOff) bytes.fill(0, page * PAGE, (page + 1) * PAGE);
    const { parts } = await repairHere(await folderOf(bytes));
    expect(parts.events.lost.count).toBe(0);
  });
});

describe('a header that is broken', () => {
  test.each<[string, (bytes: Buffer) => unknown]>([
    ['counts other transactions', (bytes) => bytes.writeUInt32LE(3, newestHeader(bytes) + 152)],
    [
      'counts two transactions less',
      (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(newestHeader(bytes) + 152) - 2, newestHeader(bytes) + 152),
    ],
    ['counts more transactions', (bytes) => bytes.writeUInt32LE(5000, newestHeader(bytes) + 152)],
    ['is an older one that counts more', (bytes) => bytes.writeUInt32LE(5000, PAGE - newestHeader(bytes) + 152)],
    [
      'is an older one that counts two more',
      (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(newestHeader(bytes) + 152) + 1, PAGE - newestHeader(bytes) + 152),
    ],
    ['has the place of the other', (bytes) => Buffer.concat([bytes.subarray(PAGE, 2 * PAGE), bytes.subarray(0, PAGE)]).copy(bytes)],
    ['names another root', (bytes) => bytes.writeUInt32LE(3, newestHeader(bytes) + 136)],
    [
      'is whole, and its root counts other transactions',
      (bytes) => bytes.writeUInt32LE(3, bytes.readUInt32LE(newestHeader(bytes) + 136) * PAGE + 8),
    ],
    [
      'is whole, and the root of the older one counts two more',
      (bytes) => {
        const [newest, older] = [newestHeader(bytes), PAGE - newestHeader(bytes)];
        bytes.writeUInt32LE(bytes.readUInt32LE(newest + 152) + 1, bytes.readUInt32LE(older + 136) * PAGE + 8);
      },
    ],
  ])('costs nothing where it %s', async (_, damage) => {
    // The last transaction is one that matters.
    const bytes = await changed((tables) => {
      const [key, { epoch, nextName }] = [positionKey(contents.head + 1), readState(tables, 'changing')];
      tables.events.putSync(key, record('events', key, ['run-ended', 'last', 1, 'failed']));
      tables.meta.putSync(META.state, record('meta', META.state, [epoch, contents.head + 1, nextName]));
    });
    damage(bytes);
    const { parts, contents: after, findings } = await repairHere(await folderOf(bytes));
    expect(findings).toEqual([]);
    expect(after).toMatchObject({ head: contents.head + 1, values: contents.values, cursor: contents.cursor });
    expect(after.events.slice(0, -1)).toEqual(contents.events);
    expect(after.events.at(-1)).toMatchObject({ type: 'run-ended', runId: 'last' });
    expect(parts).toMatchObject({ isHeadKnown: true, events: { lost: { count: 0 }, uncertain: { count: 0 } } });
  });

  test('was never written in a copy that was compacted, which costs nothing', async () => {
    const folder = await folderOf(whole);
    await compactStore(folder);
    const bytes = await readFile(join(folder, 'data.mdb'));
    expect((await look(bytes)).roots.isCertain).toBe(true);
    const copy = await newFolder();
    const care = openForCare(folder, { writable: false });
    await care.copyTo(copy, { compact: true });
    await care.close();
    expect((await look(await readFile(join(copy, 'data.mdb')))).roots.isCertain).toBe(true);
    expect((await repairHere(await folderOf(bytes))).parts.events.uncertain.count).toBe(0);
    await (await openStore(folder)).close();
    const after = await look(await readFile(join(folder, 'data.mdb')));
    expect(after.roots.isCertain).toBe(true);
    expect(after.ranked.newest?.tables.get('events')?.isWhole).toBe(true);
  });

  test('hides a snapshot whose events, values and ids are found nevertheless', async () => {
    const folder = await folderOf(whole);
    const store = await openStore(folder);
    const value = sampleValue('the last one');
    const event = sourceObserved('last', { address: value.address, version: value.address });
    await store.port.append({ events: [event], values: [value], id: 'last' });
    const bytes = await readFile(join(folder, 'data.mdb'));
    await store.close();
    const header = newestHeader(bytes);
    const { parts, contents: after, findings } = await repairHere(await folderOf(bytes.fill(0, header, header + PAGE)));
    expect(findings).toEqual([]);
    expect(after).toMatchObject({ head: contents.head + 1, cursor: contents.cursor });
    expect(after.events.at(-1)).toMatchObject({ key: 'last' });
    expect(after.values.get(value.address)).toBe(Buffer.from(value.bytes).toString('hex'));
    expect(parts).toMatchObject({ isHeadKnown: true, appends: { kept: 21, lost: null } });
  });

  test('is not needed to know how long pages are', async () => {
    const folder = await newFolder();
    await open({ path: folder, noSubdir: false, overlappingSync: false, pageSize: 8192, maxDbs: 32 }).close();
    await makeRichStore(folder, fixedRuns(4), { prunes: false });
    const bytes = await readFile(join(folder, 'data.mdb'));
    expect(bytes.readUInt32LE(48)).toBe(8192);
    const { contents: after } = await repairHere(await folderOf(Buffer.from(bytes).fill(0, 0, 2 * 8192)));
    expect(after).toEqual(await contentsOf(folder));
  });
});

function newestHeader(bytes: Buffer): number {
  return bytes.readUInt32LE(PAGE + 152) > bytes.readUInt32LE(152) ? PAGE : 0;
}

describe('rows that prove themselves and are not of this store', () => {
  test('are left out where they stand in a value', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const key = positionKey(1);
    const page = leafWith(0, key, record('events', key, ['run-ended', 'other', 1, 'failed']));
    const mark = Buffer.from('here the page begins');
    const plain = sampleValue(new Uint8Array([...Buffer.alloc(3 * PAGE), ...mark, ...Buffer.alloc(3 * PAGE)]));
    // Behind the header of the first page and the kind.
    const before = 25 + Buffer.from(plain.bytes).indexOf(mark);
    const value = sampleValue(new Uint8Array([...Buffer.alloc(3 * PAGE + PAGE - (before % PAGE)), ...page, ...Buffer.alloc(3 * PAGE)]));
    await store.port.append({ events: [materialized('a', { address: value.address })], values: [value] });
    await store.close();
    const bytes = await readFile(join(folder, 'data.mdb'));
    expect(bytes.indexOf(page.subarray(0, 1100)) % PAGE).toBe(0);
    const { parts } = await repairHere(folder);
    expect(parts.events).toMatchObject({ kept: 1, contradicted: { count: 0 } });
  });

  test('are left out where their transaction was not committed', async () => {
    const bytes = await changed((tables) => {
      const key = positionKey(1);
      tables.events.putSync(key, record('events', key, ['run-ended', 'never', 1, 'failed']));
    });
    // As if the process had ended before it wrote the header.
    whole.copy(bytes, 0, 0, PAGE * 2);
    const { parts, contents: after } = await repairHere(await folderOf(bytes));
    expect(after).toEqual(contents);
    expect(parts.events.contradicted.count).toBe(0);
  });
});

describe('rows of before', () => {
  test('stay away where they were removed', async () => {
    const [key] = [hash('sha256', 'v', 'buffer')];
    const bytes = await changed(
      ({ values }) => values.putSync(key, Buffer.from('\u0001v')),
      ({ values, appends }) => {
        values.removeSync(key);
        const [first] = Array.from(appends.getKeys({ limit: 1 }));
        if (first !== undefined) appends.removeSync(first);
      },
    );
    const { parts, folder } = await repairHere(await folderOf(bytes));
    expect(parts.appends).toEqual({ kept: 19, lost: 0 });
    const store = await openStore(folder, { mode: 'read' });
    expect(await store.port.values([addressOf(key)])).toEqual([undefined]);
    await store.close();
  });

  test('take the place of those that are broken', async () => {
    const bytes = await changed(({ cursors, appends, offsets }) => {
      for (const table of [cursors, appends, offsets])
        for (const { key, value } of Array.from(table.getRange({}))) table.putSync(key, Buffer.from(value).fill(0, 5, 7));
    });
    const { parts, contents: after } = await repairHere(await folderOf(bytes));
    expect(parts).toMatchObject({ cursors: { kept: 1, lost: 0 }, appends: { kept: 20, lost: 0 }, offsets: { kept: 14, lost: 0 } });
    expect(after.cursor).toBe(contents.cursor);
    expect(after.offsets).toEqual(contents.offsets);
    expect(parts.offsets.uncertain).toEqual(expect.arrayContaining([...READ]));
    expect(parts.offsets.uncertain).toHaveLength(14);
  });

  test('say where the log ends, with everything else that speaks of positions', async () => {
    const bytes = await changed(
      ({ meta, events }) => {
        meta.removeSync(META.state);
        events.removeSync(positionKey(contents.head));
      },
      ({ names }) => void names.removeSync(Array.from(names.getKeys({ limit: 1 }))[0] ?? Buffer.alloc(0)),
    );
    const { ranked } = await look(bytes);
    for (const { page, rank } of ranked.pages) if (rank > RANK.cutOff) bytes.fill(0, page * PAGE, (page + 1) * PAGE);
    const { parts, findings } = await repairHere(await folderOf(bytes));
    expect(findings).toEqual([]);
    expect(parts).toMatchObject({
      head: contents.head,
      isHeadKnown: false,
      events: { lost: { ranges: [[contents.head, contents.head]] } },
    });
  });
});

describe('the last event that is found', () => {
  test('is the end of the log, where nothing else tells', async () => {
    const bytes = Buffer.from(whole).fill(0, 0, 2 * PAGE);
    const state = Buffer.concat([META.state, Buffer.of(1)]);
    for (let at = bytes.indexOf(state); at >= 0; at = bytes.indexOf(state)) bytes.fill('x', at, at + 1);
    const { parts, contents: after } = await repairHere(await folderOf(bytes));
    expect(after).toEqual(contents);
    expect(parts).toMatchObject({ isHeadKnown: false, events: { lost: { count: 0 } } });
  });
});

describe('positions behind the end of the log', () => {
  test('are none of a cursor or of the id of a batch', async () => {
    const { head } = contents;
    const bytes = await changed(({ cursors, appends }) => {
      for (const { key, value } of Array.from(cursors.getRange({})))
        cursors.putSync(key, record('cursors', key, [nameIn(value), head + 7]));
      const key = hash('sha256', '"later"', 'buffer');
      appends.putSync(key, record('appends', key, ['later', head + 1, head + 2, '0'.repeat(64)]));
    });
    const { parts, findings, contents: after } = await repairHere(await folderOf(bytes));
    expect(findings).toEqual([]);
    expect(after.cursor).toBe(head);
    expect(parts.appends.kept).toBe(20);
  });

  test('have an offset taken for lost: what it would leave out is not there', async () => {
    const key = offsetKey(READ[0]);
    const bytes = await changed(({ offsets }) => offsets.putSync(key, record('offsets', key, [READ[0], '99', contents.head + 1])));
    const { parts, findings, contents: after } = await repairHere(await folderOf(bytes));
    expect(findings).toEqual([]);
    expect(after.offsets).toEqual([undefined, contents.offsets[1]]);
    expect(parts.offsets).toEqual({ kept: 13, lost: 1, uncertain: [] });
  });
});

function nameIn(row: Buffer): unknown {
  const content: unknown = JSON.parse(row.toString('utf8', 5));
  return Array.isArray(content) ? content[0] : undefined;
}
