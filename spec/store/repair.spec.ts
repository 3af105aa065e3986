import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { open } from 'lmdb';
import { describe, expect, test } from 'vitest';
import { livePort } from '../../lib/events/tail.ts';
import { openForCare } from '../../store/lmdb-copy.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { readState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { record } from '../../store/record.ts';
import { repairStore } from '../../store/repair.ts';
import { withSalvage } from '../../store/salvage-file.ts';
import { indexKey, META, positionKey, TABLE_NAMES, type TableName, type Tables } from '../../store/tables.ts';
import { addressOf, openValueRow, valueKey } from '../../store/value-rows.ts';
import { verifyStore } from '../../store/verify.ts';
import { sourceObserved } from '../kit/sample-events.ts';
import { anyRuns, fixedRuns } from './damage-samples.ts';
import { newFolder } from './folder.ts';
import { CURSORS } from './golden/contents.ts';
import { describeStore } from './golden/describe.ts';
import { contentsOf, folderOf, makeRichStore, PAGE, repairHere, type Contents } from './repair-samples.ts';

const SECONDS = 1000;

/** Every row of every table but `meta`, in hex. */
async function rowsOf(folder: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const environment = await openLmdb(folder, { writable: false, label: 'looking' });
  const rows = TABLE_NAMES.filter((name) => name !== 'meta').map((name) => [
    name,
    [...environment.tables[name].getRange({})].map(({ key, value }) => `${key.toString('hex')} ${value.toString('hex')}`),
  ]);
  await environment.close();
  // Pairs of names and lists.
  return Object.fromEntries(rows) as Record<string, readonly string[]>;
}

async function change(folder: string, how: (tables: Tables) => void): Promise<void> {
  const environment = await openLmdb(folder, { writable: true, label: 'changing' });
  environment.transact(() => how(environment.tables));
  await environment.close();
}

async function epochOf(folder: string): Promise<number> {
  const environment = await openLmdb(folder, { writable: false, label: 'looking' });
  const { epoch } = readState(environment.tables, 'looking');
  await environment.close();
  return epoch;
}

/** A rich store that was changed, and has no page of before: what was removed is nowhere. */
async function changedForGood(
  how: (tables: Tables, contents: Contents) => void,
): Promise<{ readonly folder: string; readonly contents: Contents }> {
  const { folder, target } = await places(6);
  const contents = await contentsOf(folder);
  await change(folder, (tables) => how(tables, contents));
  await mkdir(target);
  const care = openForCare(folder, { writable: false });
  await care.copyTo(target, { compact: true });
  await care.close();
  return { folder: target, contents };
}

/** The damaged store's folder, and where one is to be made of it. */
async function places(runs = 4): Promise<{ readonly around: string; readonly folder: string; readonly target: string }> {
  const around = await newFolder();
  const folder = join(around, 'store');
  await makeRichStore(folder, fixedRuns(runs), { prunes: false });
  return { around, folder, target: join(around, 'repaired') };
}

function addressAt({ events }: Contents, position: number): string {
  const event = events[position - 1];
  if (event === undefined || !('address' in event) || event.address === null) throw new Error(`no value at ${position}`);
  return event.address;
}

function sourcePosition({ events }: Contents): number {
  return events.find(({ type }) => type === 'source-observed')?.position ?? 0;
}

function lastOf({ events }: Contents, key: string): number {
  return events.findLast((event) => 'key' in event && event.key === key)?.position ?? 0;
}

describe('a store that is whole', () => {
  test(
    'is repaired to one with the very same rows',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyRuns, fc.boolean(), async (runs, prunes) => {
          const folder = await newFolder();
          await makeRichStore(folder, runs, { prunes });
          const { parts, findings, folder: repaired } = await repairHere(folder);
          expect(findings).toEqual([]);
          expect(await rowsOf(repaired)).toEqual(await rowsOf(folder));
          const nothing = { count: 0, ranges: [] };
          expect(parts).toMatchObject({
            isHeadKnown: true,
            events: { lost: nothing, uncertain: nothing, contradicted: nothing },
            values: { lost: 0, lostValues: [] },
            cursors: { kept: 1, lost: 0 },
            appends: { kept: runs.length, lost: 0 },
            offsets: { kept: Math.min(runs.length, 12) + Math.min(runs.length, 2), lost: 0, uncertain: [] },
          });
        }),
        { numRuns: 8 },
      );
    },
    60 * SECONDS,
  );

  test('stays as it is, and the new one is told of, written to, and safe from writers of the old', async () => {
    const { around, folder, target } = await places();
    const [before, contents] = [await readFile(join(folder, 'data.mdb')), await contentsOf(folder)];
    const steps = new Set<string>();
    const report = await repairStore(folder, target, { onProgress: ({ step }) => void steps.add(step) });
    expect((await readFile(join(folder, 'data.mdb'))).equals(before)).toBe(true);
    expect([...steps]).toEqual(['salvage', 'verify']);
    expect(await readdir(target)).toEqual(['data.mdb']);
    expect(await readdir(around)).toEqual(['repaired', 'store']);
    expect(report).toMatchObject({ path: folder, target, head: contents.head, events: { kept: contents.head } });
    expect(report.rebuilt).toMatchObject({ runs: 4 });
    expect(Object.isFrozen(report) && Object.isFrozen(report.events.lost.ranges)).toBe(true);
    expect(await contentsOf(target)).toEqual(contents);
    expect(await epochOf(target)).toBe((await epochOf(folder)) + 2 ** 32);
    const store = await openStore(target);
    expect((await store.put('k', 1)).position).toBe(contents.head + 1);
    await store.close();
    expect((await verifyStore(target)).ok).toBe(true);
  });

  test.each(['format-1', 'format-2'])('of %s comes out as it was', async (format) => {
    const golden = join(import.meta.dirname, 'golden', format);
    const { folder, findings, parts } = await repairHere(await folderOf(gunzipSync(await readFile(join(golden, 'data.mdb.gz')))));
    expect(findings).toEqual([]);
    expect(parts).toMatchObject({ isHeadKnown: true, events: { lost: { count: 0 }, contradicted: { count: 0 } }, values: { lost: 0 } });
    const store = await openStore(folder, { mode: 'read' });
    // As text and back: what is undefined is left out, as in the description.
    const description: unknown = JSON.parse(JSON.stringify(await describeStore(livePort(store.port), CURSORS)));
    // Later versions give more of each event.
    expect(description).toMatchObject(JSON.parse(await readFile(join(golden, 'description.json'), 'utf8')) as object);
    await store.close();
  });

  test('and has no events yet is repaired to one like it', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    const { parts, findings } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(parts).toMatchObject({ head: 0, isHeadKnown: true, events: { kept: 0 } });
  });
});

describe('what can be made again', () => {
  test.each<TableName>(['names', 'readable', 'settled', 'missed', 'runs'])(
    'is made again where rows of "%s" are gone, or too many',
    async (name) => {
      const { folder } = await places();
      const rows = await rowsOf(folder);
      await change(folder, (tables) => {
        for (const [index, key] of [...tables[name].getKeys({})].entries()) if (index % 2 === 0) tables[name].removeSync(key);
        if (name === 'readable') tables.readable.putSync(Buffer.alloc(14, 1), Buffer.alloc(0));
      });
      expect((await verifyStore(folder)).ok).toBe(false);
      const { findings, folder: repaired } = await repairHere(folder);
      expect(findings).toEqual([]);
      expect(await rowsOf(repaired)).toEqual(rows);
    },
  );
});

describe('what is lost is told', () => {
  test('what a run verified, where an event is lost that it may have gone by', async () => {
    const row = ['run-ended', 'last', 1, 'succeeded'];
    const verified = ['plan', 2, [], [1], {}];
    const endedAs = async (lost: readonly number[]): Promise<unknown> => {
      const { folder } = await changedForGood(({ events }, { head }) => {
        const key = positionKey(head);
        events.putSync(key, record('events', key, [...row, verified]));
        for (const position of lost) events.removeSync(positionKey(position));
      });
      return (await repairHere(folder)).contents.events.at(-1);
    };
    const ended = { type: 'run-ended', runId: 'last', time: 1, status: 'succeeded' };
    expect(await endedAs([])).toMatchObject({ ...ended, verified: { plan: 'plan', position: 2, open: [], alone: [1], versions: {} } });
    const doubtful = await endedAs([3]);
    expect(doubtful).toMatchObject(ended);
    expect(doubtful).not.toHaveProperty('verified');
  });

  test('an event, whose position stays', async () => {
    const { folder, contents } = await changedForGood(({ events }, { head }) => {
      for (const position of [3, 4, 9, head]) events.removeSync(positionKey(position));
    });
    const { parts, findings, contents: after } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(parts.events.lost).toEqual({
      count: 4,
      ranges: [
        [3, 4],
        [9, 9],
        [contents.head, contents.head],
      ],
    });
    expect(parts.events.kept).toBe(contents.head - 4);
    expect(after.head).toBe(contents.head);
    expect(after.events[2]).toEqual({ type: 'removed', kind: 'lost', position: 3 });
    expect(after.events[4]).toEqual(contents.events[4]);
    // A store that was repaired is whole.
    const again = await repairHere(await folderOf(await readFile(join((await repairHere(folder)).folder, 'data.mdb'))));
    expect(again.parts.events.lost.count).toBe(0);
  });

  test('a value, with what needs it; it is there again when it is written again', async () => {
    const { folder, contents } = await changedForGood(({ values }, before) => {
      values.removeSync(valueKey(addressAt(before, sourcePosition(before))));
    });
    const position = sourcePosition(contents);
    const address = addressAt(contents, position);
    const { parts, findings, folder: repaired } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(parts.values).toMatchObject({ lost: 1, lostValues: [{ address, keys: ['a/0'], positions: [position] }] });
    const store = await openStore(repaired);
    expect(await store.port.values([address])).toEqual([undefined]);
    const bytes = Buffer.from(contents.values.get(address) ?? '', 'hex');
    await store.port.append({ events: [sourceObserved('a/0', { address, version: address })], values: [{ address, bytes }] });
    expect((await store.port.values([address]))[0]).toEqual(bytes);
    await store.close();
    expect((await verifyStore(repaired)).ok).toBe(true);
  });

  test.each<[string, (chunks: Tables['chunks'], key: Buffer) => unknown]>([
    ['gone', (chunks, key) => chunks.removeSync(key)],
    ['another one', (chunks, key) => chunks.putSync(key, Buffer.from(chunks.get(key) ?? '').fill(1, 9, 10))],
  ])('a value in parts, of which one is %s', async (_, damage) => {
    const { folder, contents } = await changedForGood(({ chunks }) => {
      const [first] = Array.from(chunks.getKeys({ limit: 1 }));
      if (first !== undefined) damage(chunks, first);
    });
    const address = addressAt(contents, lastOf(contents, 'large'));
    const { parts, findings, contents: after } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(parts.values.lostValues.map((lost) => lost.address)).toEqual([address]);
    expect(after.values.get(address)).toBe('removed');
  });

  test('a value as a change of one that is gone', async () => {
    const patched: string[] = [];
    const { folder, contents } = await changedForGood(({ values }) => {
      // All of them first: what is removed in the loop would move the cursor under it.
      const rows = Array.from(values.getRange({}));
      for (const { key, value } of rows) {
        const row = openValueRow(value, key, 'looking');
        if (row.kind !== 'patch') continue;
        patched.push(addressOf(key));
        if (row.depth > 1) continue;
        patched.push(addressOf(row.base));
        values.removeSync(row.base);
      }
    });
    expect(patched.length).toBeGreaterThan(2);
    const { parts, findings, contents: after } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(parts.values.lostValues.map((lost) => lost.address).toSorted()).toEqual(patched.toSorted());
    expect(parts.values.lostValues.every(({ keys }) => keys.includes('table'))).toBe(true);
    expect(after.head).toBe(contents.head);
  });

  test('the row that says where the log ends', async () => {
    const { folder, contents } = await changedForGood(({ meta }) => void meta.removeSync(META.state));
    const { parts, findings } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(parts).toMatchObject({ head: contents.head, isHeadKnown: false });
  });

  test('the row that says where the log ends, beside rows that are whole at positions that no log of this length has', async () => {
    const far = [2 ** 40, 2 ** 40 + 1, 2 ** 48 - 1];
    const { folder, contents } = await changedForGood(({ meta, events, runs, readable }) => {
      meta.removeSync(META.state);
      for (const position of far) {
        const key = positionKey(position);
        events.putSync(key, record('events', key, ['run-ended', 'far', 1, 'failed']));
        runs.putSync(key, record('runs', key, [0]));
        readable.putSync(indexKey(1, position), Buffer.alloc(0));
      }
    });
    const { parts, findings, contents: after } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(after.events).toEqual(contents.events);
    expect(parts).toMatchObject({
      head: contents.head,
      isHeadKnown: false,
      events: {
        kept: contents.head,
        lost: { count: 0 },
        absurd: {
          count: 3,
          ranges: [
            [2 ** 40, 2 ** 40 + 1],
            [2 ** 48 - 1, 2 ** 48 - 1],
          ],
        },
      },
    });
  });

  test.each([
    ['an end of the log', [1, 2 ** 40, 5]],
    ['no number of an end', [1, null, 5]],
    ['a number of leases', [2 ** 53, 6, 5]],
    ['no number of leases', ['many', 6, 5]],
  ])('the row that says where the log ends, where it is whole and says %s that nobody can have written', async (_, state) => {
    const { folder, contents } = await changedForGood(({ meta }) => meta.putSync(META.state, record('meta', META.state, state)));
    const { parts, findings, contents: after } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(after.events).toEqual(contents.events);
    expect(parts).toMatchObject({ head: contents.head, isHeadKnown: false, events: { absurd: { count: 0 } } });
  });

  test('cursors, ids of batches, and offsets', async () => {
    const { folder } = await changedForGood(({ cursors, appends, offsets }) => {
      for (const table of [cursors, appends, offsets]) {
        const [row] = [...table.getRange({ limit: 1 })];
        if (row !== undefined) table.putSync(row.key, Buffer.from(row.value).fill(0, 5, 7));
      }
    });
    const { parts, findings } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(parts).toMatchObject({ cursors: { kept: 0, lost: 1 }, appends: { kept: 5, lost: 1 }, offsets: { kept: 7, lost: 1 } });
  });
});

describe('what is on old pages', () => {
  test('comes back where it is needed', async () => {
    const { folder } = await places();
    const contents = await contentsOf(folder);
    const position = sourcePosition(contents);
    await change(folder, ({ events, values }) => {
      events.removeSync(positionKey(5));
      values.removeSync(valueKey(addressAt(contents, position)));
    });
    const { parts, findings, contents: after } = await repairHere(folder);
    expect(findings).toEqual([]);
    expect(after).toEqual(contents);
    expect(parts.events).toMatchObject({ lost: { count: 0 }, uncertain: { count: 0 } });
    expect(parts.values.lost).toBe(0);
  });

  test('does not come back where a batch was never committed', async () => {
    const { folder } = await places();
    const [before, contents] = [await readFile(join(folder, 'data.mdb')), await contentsOf(folder)];
    await change(folder, (tables) => {
      const key = positionKey(contents.head + 1);
      tables.events.putSync(key, record('events', key, ['run-ended', 'never', 1, 'failed']));
      const { epoch, nextName } = readState(tables, 'changing');
      tables.meta.putSync(META.state, record('meta', META.state, [epoch, contents.head + 1, nextName]));
    });
    const after = await readFile(join(folder, 'data.mdb'));
    expect(after.subarray(PAGE * 2).equals(before.subarray(PAGE * 2))).toBe(false);
    // As if the process had ended before it wrote the header.
    before.copy(after, 0, 0, PAGE * 2);
    const { parts, findings, contents: repaired } = await repairHere(await folderOf(after));
    expect(findings).toEqual([]);
    expect(repaired).toEqual(contents);
    expect(parts.isHeadKnown).toBe(true);
  });

  test('is all there is where both headers are gone, or the newest one', async () => {
    const { folder } = await places();
    const [bytes, contents] = [await readFile(join(folder, 'data.mdb')), await contentsOf(folder)];
    for (const [from, to] of [
      [0, 2],
      [0, 1],
      [1, 2],
    ] as const) {
      const { parts, findings, contents: after } = await repairHere(await folderOf(Buffer.from(bytes).fill(0, from * PAGE, to * PAGE)));
      expect(findings).toEqual([]);
      expect(after).toEqual(contents);
      expect(parts).toMatchObject({
        isHeadKnown: to - from === 1,
        events: { lost: { count: 0 } },
        cursors: { kept: 1 },
        appends: { kept: 4 },
        offsets: { kept: 6 },
      });
    }
  });

  test('gives way to what stands in a surer place, and that is told', async () => {
    const { folder } = await places();
    const [bytes, contents] = [await readFile(join(folder, 'data.mdb')), await contentsOf(folder)];
    const page = Buffer.alloc(PAGE);
    const key = positionKey(1);
    const row = record('events', key, ['run-ended', 'other', 1, 'failed']);
    page.writeUInt32LE(bytes.length / PAGE, 0);
    page.writeUInt16LE(2, 18);
    page.writeUInt16LE(2, 20);
    page.writeUInt16LE(1000, 22);
    page.writeUInt16LE(1000, 24);
    page.writeUInt32LE(row.length, 1024);
    page.writeUInt16LE(key.length, 1030);
    key.copy(page, 1032);
    row.copy(page, 1038);
    const { parts, findings, contents: after } = await repairHere(await folderOf(Buffer.concat([bytes, page])));
    expect(findings).toEqual([]);
    expect(after).toEqual(contents);
    expect(parts.events.contradicted).toEqual({ count: 1, ranges: [[1, 1]] });
  });
});

describe('repairStore', () => {
  test('repairs a file that was cut off, which nobody can open', async () => {
    const { folder, target } = await places(12);
    const { length } = await readFile(join(folder, 'data.mdb'));
    await truncate(join(folder, 'data.mdb'), Math.floor(length * 0.6));
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    const report = await repairStore(folder, target);
    expect(report.events.kept).toBeGreaterThan(0);
    expect(report.events.kept + report.events.lost.count).toBe(report.head);
    expect((await verifyStore(target)).ok).toBe(true);
  });

  test('refuses while somebody has the store open to write', async () => {
    const { folder, target, around } = await places();
    const store = await openStore(folder);
    await expect(repairStore(folder, target)).rejects.toMatchObject({ code: 'STORE_LOCKED', details: { pid: process.pid } });
    await store.close();
    expect(await readdir(around)).toEqual(['store']);
    await repairStore(folder, target);
  });

  test('gives up where somebody writes while it reads', async () => {
    const { folder } = await places();
    const path = join(folder, 'data.mdb');
    const bytes = await readFile(path);
    const { writeFileSync } = await import('node:fs');
    for (const changed of [
      Buffer.concat([bytes, Buffer.alloc(PAGE)]),
      Buffer.from(bytes).fill(1, 152, 153),
      Buffer.from(bytes).fill(1, PAGE + 152, PAGE + 153),
    ]) {
      await writeFile(path, bytes);
      const job = { path, label: 'damaged', tellPages: () => undefined };
      expect(() => withSalvage(job, () => writeFileSync(path, changed))).toThrow(expect.objectContaining({ code: 'STORE_LOCKED' }));
    }
  });

  test.each<[string, (folder: string) => Promise<void>, string]>([
    ['anything else', (folder) => writeFile(join(folder, 'data.mdb'), 'something else '.repeat(5000)), 'STORE_FORMAT'],
    ['a few bytes', (folder) => writeFile(join(folder, 'data.mdb'), 'x'), 'STORE_FORMAT'],
    [
      'a store of which nothing is left',
      async (folder) => {
        const bytes = await readFile(join(folder, 'data.mdb'));
        await writeFile(join(folder, 'data.mdb'), bytes.fill(0, PAGE * 2));
      },
      'STORE_CORRUPT',
    ],
    [
      'a store of a later format',
      (folder) => change(folder, ({ meta }) => meta.putSync(META.format, Buffer.from('sluice-store 99'))),
      'STORE_FORMAT',
    ],
    [
      "somebody else's file of LMDB",
      async (folder) => {
        const other = open({ path: join(folder, 'other'), noSubdir: false, overlappingSync: false });
        await other.openDB({ name: 'theirs' }).put('a', 1);
        await other.close();
        await writeFile(join(folder, 'data.mdb'), await readFile(join(folder, 'other', 'data.mdb')));
      },
      'STORE_FORMAT',
    ],
  ])('refuses %s, and leaves nothing', async (_, make, code) => {
    const { folder, target, around } = await places(1);
    await make(folder);
    await expect(repairStore(folder, target)).rejects.toMatchObject({ code });
    expect(await readdir(around)).toEqual(['store']);
  });

  test('refuses a target with something in it, and what is no store', async () => {
    const { folder, target } = await places(1);
    await mkdir(target);
    await writeFile(join(target, 'mine'), '');
    await expect(repairStore(folder, target)).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(repairStore(folder, folder)).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(repairStore(target, join(target, 'new'))).rejects.toMatchObject({ code: 'STORE_PATH' });
    // @ts-expect-error an option that is misspelt
    await expect(repairStore(folder, target, { sginal: undefined })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await readdir(target)).toEqual(['mine']);
  });

  test('that is aborted leaves nothing', async () => {
    const { folder, target, around } = await places(1);
    const controller = new AbortController();
    const options = { signal: controller.signal, onProgress: () => controller.abort('stop') };
    await expect(repairStore(folder, target, options)).rejects.toBe('stop');
    await expect(repairStore(folder, target, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
    expect(await readdir(around)).toEqual(['store']);
  });

  test(
    'that is killed leaves nothing or all of it, and the next one tidies up',
    async () => {
      const { folder, target, around } = await places(1);
      for (const steps of [0, 1, 2, 3, 5, 8, 11]) {
        const child = fork(fileURLToPath(new URL('repair-process.ts', import.meta.url)), [folder, target], {
          cwd: fileURLToPath(new URL('../..', import.meta.url)),
          execArgv: ['--import', 'tsx'],
          stdio: 'ignore',
        });
        const ended = once(child, 'close');
        let left = steps;
        child.on('message', () => {
          left -= 1;
          if (left <= 0) child.kill('SIGKILL');
        });
        if (steps === 0) child.kill('SIGKILL');
        await ended;
        if (existsSync(target)) break;
      }
      if (!existsSync(target)) await repairStore(folder, target);
      expect(await contentsOf(target)).toEqual(await contentsOf(folder));
      expect((await readdir(around)).filter((name) => !/^(store|repaired)$/.test(name))).toEqual([]);
    },
    60 * SECONDS,
  );
});
