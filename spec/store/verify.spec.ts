import { readdirSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../lib/events/logged-event.ts';
import { appendKey } from '../../store/appends.ts';
import { valueKey } from '../../store/value-rows.ts';
import { Findings, type Finding } from '../../store/check-findings.ts';
import { rowAt, rowsOf } from '../../store/check-rows.ts';
import { checkStoreFile, type CheckResult } from '../../store/check-store.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { nameOf } from '../../store/names.ts';
import { offsetKey } from '../../store/offsets.ts';
import { openStore } from '../../store/open-store.ts';
import { record } from '../../store/record.ts';
import { FORMAT, indexKey, META, positionKey, type TableName, type Tables } from '../../store/tables.ts';
import { verifyStore } from '../../store/verify.ts';
import { materialized, runEnded, runStarted, sampleValue, sourceObserved, stepSettled } from '../kit/sample-events.ts';
import { DamageChild } from './damage-child.ts';
import { anyRuns, fixedRuns, makeSample } from './damage-samples.ts';
import { newFolder } from './folder.ts';

const NOTHING = Buffer.alloc(0);
const HASH = '0'.repeat(64);
const value = sampleValue('v'.repeat(100));
const address = value.address;

/** The events of the sample: ids of names are 1 (the step's output), 2 (key a), 3 (key b) and 4 (the other step's output). */
const EVENTS: readonly NewEvent[] = [
  runStarted(),
  stepSettled(),
  materialized('a', { address }),
  materialized('b', { address }),
  stepSettled({ step: 'other' }),
  runEnded(),
  runStarted({ runId: 'open' }),
];

/** A store with one of everything, closed, then changed by hand. */
async function changed(change: (tables: Tables) => void, events: readonly NewEvent[] = EVENTS): Promise<string> {
  const folder = await newFolder();
  const store = await openStore(folder);
  await store.port.append({ events, values: [value] });
  await store.close();
  const environment = await openLmdb(folder, { writable: true, label: 'changing' });
  environment.transact(() => change(environment.tables));
  await environment.close();
  return folder;
}

/** Checks here: what is broken in these specs is above LMDB's pages. */
async function check(folder: string): Promise<CheckResult & { readonly found: readonly Finding[] }> {
  const found: Finding[] = [];
  const result = await checkStoreFile(folder, {
    label: 'checked',
    tellRows: () => undefined,
    tellFinding: (finding) => void found.push(finding),
  });
  return { ...result, found };
}

async function foundIn(change: (tables: Tables) => void, events?: readonly NewEvent[]): Promise<readonly string[]> {
  const { found } = await check(await changed(change, events));
  return found.map(({ code, table, position }) => `${code} ${table}${position === undefined ? '' : ` ${position}`}`);
}

function put(name: TableName, key: Buffer, content: unknown): (tables: Tables) => void {
  return (tables) => tables[name].putSync(key, record(name, key, content));
}

/** Changes one bit of a row, the byte counted from its end. */
function flip(name: TableName, key: Buffer, fromEnd = 2): (tables: Tables) => void {
  return (tables) => {
    const bytes = Buffer.from(tables[name].get(key) ?? NOTHING);
    bytes[bytes.length - fromEnd] = (bytes.at(-fromEnd) ?? 0) ^ 4;
    tables[name].putSync(key, bytes);
  };
}

const nameKey = (name: string): Buffer => hash('sha256', name, 'buffer');
const KEY_A = nameOf('key', 'a');
const KEY_B = nameOf('key', 'b');
const HELD = { pid: process.pid, start: null, boot: null, copy: 'c' };

describe('a store that is whole', () => {
  test('has no findings, and its rows are counted', async () => {
    const result = await check(await changed(() => undefined));
    expect(result).toEqual({
      found: [],
      findings: 0,
      head: 7,
      unreferencedValues: 0,
      tables: { names: 6, events: 7, readable: 2, settled: 2, runs: 2, values: 1 },
    });
  });

  test('has none either when it is new, or was never written to', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    expect(await check(folder)).toMatchObject({ found: [], head: 0 });
  });

  test('may keep values that nothing refers to', async () => {
    const more = [1, 2].map((each) => sampleValue(each));
    const result = await check(
      await changed((tables) => {
        for (const { address: at, bytes } of more) tables.values.putSync(valueKey(at), Buffer.concat([Buffer.of(1), bytes]));
      }),
    );
    expect(result).toMatchObject({ found: [], unreferencedValues: 2 });
  });

  test('may hold what a later version wrote: kinds of events, of names, rows of meta and tables of its own', async () => {
    const key = positionKey(8);
    const later = nameOf('key', 'x').replace('key', 'partition');
    const found = await foundIn((tables) => {
      put('events', key, ['asset-checked', 'run', 5])(tables);
      tables.readable.putSync(indexKey(2, 8), NOTHING);
      put('names', nameKey(later), [5, later])(tables);
      put('meta', META.state, [1, 8, 6])(tables);
      tables.meta.putSync(Buffer.from('later'), Buffer.from('anything'));
    });
    expect(found).toEqual([]);
  });

  test('may be held, and have runs with one name that started twice, ended twice or ended only', async () => {
    const again: readonly NewEvent[] = [
      runEnded(),
      runStarted(),
      runEnded(),
      runStarted(),
      runEnded(),
      runEnded(),
      runEnded({ runId: 'never' }),
    ];
    expect(await foundIn(put('meta', META.lease, HELD), again)).toEqual([]);
    expect(
      await foundIn(
        () => undefined,
        [stepSettled({ outputs: [1, 2].map(() => ({ output: 'o', state: { state: 'absent' }, address: null })) })],
      ),
    ).toEqual([]);
  });

  test('has none whatever was recorded in it', async () => {
    await fc.assert(
      fc.asyncProperty(anyRuns, async (runs) => {
        const folder = await newFolder();
        await makeSample(folder, runs);
        const { found, tables } = await check(folder);
        expect(found).toEqual([]);
        expect(tables['events'] ?? 0).toBeGreaterThan(0);
      }),
      { numRuns: 15 },
    );
  });

  test('has none when it has thousands of rows, and pages of every depth', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const sizes = [3, 90, 4000, 40_000];
    for (let round = 0; round < 30; round += 1) {
      const values = sizes.map((size, index) => sampleValue(`${round}/${index}/${'x'.repeat(size)}`));
      const events = Array.from({ length: 100 }, (_, index) =>
        sourceObserved(`k/${round}/${index}`, { address: values[index % 4]?.address ?? '' }),
      );
      await store.port.append({ events, values });
    }
    await store.close();
    expect(await check(folder)).toMatchObject({
      found: [],
      head: 3000,
      tables: { events: 3000, names: 3000, readable: 3000, values: 120 },
    });
  });
});

describe('what is broken is found, and nothing else', () => {
  test.each<[string, (tables: Tables) => void, readonly string[]]>([
    ['an event with a bit flipped', flip('events', positionKey(5)), ['record events 5']],
    ['an event that is no list', put('events', positionKey(6), null), ['record events 6']],
    ['an event of a row that ends early', put('events', positionKey(2), ['step-settled']), ['record events 2']],
    ['an event that is gone', (tables) => void tables.events.removeSync(positionKey(6)), ['event-missing events 6']],
    ['the last event gone', (tables) => void tables.events.removeSync(positionKey(7)), ['state meta 6']],
    ['an event behind the head', put('events', positionKey(8), ['run-ended', 'never', 5, 'failed']), ['state meta 8']],
    [
      'an event far behind the head',
      put('events', positionKey(20), ['run-ended', 'never', 5, 'failed']),
      ['event-missing events 8', 'state meta 20'],
    ],
    ['a key of an event that is too long', put('events', Buffer.concat([positionKey(7), Buffer.of(1)]), []), ['key events']],
    ['a state with a bit flipped', flip('meta', META.state), ['state meta']],
    ['a state of other numbers', put('meta', META.state, [1, -1, 5]), ['state meta']],
    ['a state that is no list', put('meta', META.state, { head: 7 }), ['state meta']],
    [
      'no state',
      (tables) => void tables.meta.removeSync(META.state),
      ['name-wrong names', 'name-wrong names', 'name-wrong names', 'name-wrong names', 'state meta 7'],
    ],
    [
      'a lease with a bit flipped',
      (tables) => [put('meta', META.lease, HELD), flip('meta', META.lease)].forEach((each) => each(tables)),
      ['lease meta'],
    ],
    ['a lease of nobody', put('meta', META.lease, { pid: 'me' }), ['lease meta']],
    ['a row that readable lacks', (tables) => void tables.readable.removeSync(indexKey(2, 3)), ['index-missing readable 3']],
    ['a row that settled lacks', (tables) => void tables.settled.removeSync(indexKey(4, 5)), ['index-missing settled 5']],
    ['a row of readable for another key', (tables) => tables.readable.putSync(indexKey(2, 4), NOTHING), ['index-wrong readable 4']],
    ['a row of readable for a step', (tables) => tables.readable.putSync(indexKey(2, 2), NOTHING), ['index-wrong readable 2']],
    ['a row of settled for an asset', (tables) => tables.settled.putSync(indexKey(1, 3), NOTHING), ['index-wrong settled 3']],
    ['a row of settled for another step', (tables) => tables.settled.putSync(indexKey(1, 5), NOTHING), ['index-wrong settled 5']],
    ['a row of readable for no event', (tables) => tables.readable.putSync(indexKey(2, 99), NOTHING), ['index-wrong readable 99']],
    [
      'a row of readable with the id of an output',
      (tables) => tables.readable.putSync(indexKey(1, 2), NOTHING),
      ['index-wrong readable 2'],
    ],
    ['a row of readable for no name', (tables) => tables.readable.putSync(indexKey(77, 3), NOTHING), ['index-wrong readable 3']],
    ['a row of readable with a value', (tables) => tables.readable.putSync(indexKey(2, 3), Buffer.of(1)), ['index-wrong readable 3']],
    [
      'a row moved to another partition',
      (tables) => {
        const key = indexKey(2, 3);
        tables.readable.removeSync(key);
        key.writeUInt32BE(9, 4);
        tables.readable.putSync(key, NOTHING);
      },
      ['index-missing readable 3', 'index-wrong readable 3'],
    ],
    ['a key of readable that is cut off', (tables) => tables.readable.putSync(Buffer.of(0, 0, 0, 2), NOTHING), ['key readable']],
    ['a run without a row', (tables) => void tables.runs.removeSync(positionKey(1)), ['run-missing runs 1']],
    ['a run that ended, as one that runs', put('runs', positionKey(1), [0]), ['run-wrong runs 1']],
    ['a run that runs, as one that ended', put('runs', positionKey(7), [6]), ['run-wrong runs 7']],
    ['a row of a run that never started', put('runs', positionKey(2), [0]), ['run-wrong runs 2']],
    ['a row of a run with a bit flipped', flip('runs', positionKey(1)), ['record runs 1']],
    ['a row of a run that is no list', put('runs', positionKey(1), 6), ['run-wrong runs 1']],
    ['a name with a bit flipped', flip('names', nameKey(KEY_A)), ['record names']],
    ['a name that is none', put('names', nameKey(KEY_A), [2]), ['name-wrong names']],
    [
      'a name gone',
      (tables) => void tables.names.removeSync(nameKey(KEY_A)),
      ['name-wrong names', 'name-missing names 3', 'index-wrong readable 3'],
    ],
    [
      "a name under another's hash",
      put('names', nameKey(KEY_A), [2, KEY_B]),
      ['name-wrong names', 'index-missing readable 4', 'index-wrong readable 3'],
    ],
    ['a name that nobody uses', put('names', nameKey('["key","z"]'), [5, '["key","z"]']), ['name-wrong names']],
    ['an id that is 0', put('names', nameKey('["key","z"]'), [0, '["key","z"]']), ['name-wrong names']],
    [
      'two names with one id',
      put('names', nameKey(KEY_A), [3, KEY_A]),
      ['name-wrong names', 'index-missing readable 3', 'index-wrong readable 4'],
    ],
    ['a run with the id of another start', put('names', nameKey('["run","run"]'), [2, '["run","run"]']), ['name-wrong names 2']],
    ['a run without a name', (tables) => void tables.names.removeSync(nameKey('["run","run"]')), ['name-missing names 1']],
    ['a name of a run that never started', put('names', nameKey('["run","x"]'), [3, '["run","x"]']), ['name-wrong names 3']],
    ['a value gone', (tables) => void tables.values.removeSync(valueKey(address)), ['value-missing values 3', 'value-missing values 4']],
    ['a value with a bit flipped', flip('values', valueKey(address), 30), ['value-wrong values']],
    [
      'a value of another kind',
      (tables) => tables.values.putSync(valueKey(address), Buffer.concat([Buffer.of(9), value.bytes])),
      ['value-wrong values'],
    ],
    ['a key of a value that is cut off', (tables) => tables.values.putSync(Buffer.of(1), Buffer.of(1)), ['key values']],
    [
      'a cursor with a bit flipped',
      (tables) => [put('cursors', nameKey('c'), ['c', 3]), flip('cursors', nameKey('c'))].forEach((each) => each(tables)),
      ['cursor cursors'],
    ],
    ['a cursor behind the head', put('cursors', nameKey('c'), ['c', 8]), ['cursor cursors 8']],
    ["a cursor under another's hash", put('cursors', nameKey('c'), ['d', 3]), ['cursor cursors 3']],
    ['a cursor without a position', put('cursors', nameKey('c'), ['c']), ['cursor cursors']],
    [
      'an id of a batch with a bit flipped',
      (tables) => [put('appends', appendKey('i'), ['i', 1, 7, HASH]), flip('appends', appendKey('i'))].forEach((each) => each(tables)),
      ['append appends'],
    ],
    ["an id of a batch under another's hash", put('appends', appendKey('i'), ['j', 1, 7, HASH]), ['append appends 1']],
    ['an id of a batch that is empty', put('appends', appendKey(''), ['', 1, 7, HASH]), ['append appends 1']],
    ['an id of a batch behind the head', put('appends', appendKey('i'), ['i', 7, 8, HASH]), ['append appends 7']],
    ['an id of a batch that ends before it begins', put('appends', appendKey('i'), ['i', 5, 3, HASH]), ['append appends 5']],
    ['an id of a batch before the log', put('appends', appendKey('i'), ['i', 0, 3, HASH]), ['append appends 0']],
    ['an id of a batch at half a position', put('appends', appendKey('i'), ['i', 1.5, 3, HASH]), ['append appends 1.5']],
    ['an id of a batch without its hash', put('appends', appendKey('i'), ['i', 1, 3, 'none']), ['append appends 1']],
    ['an id of a batch that is no list', put('appends', appendKey('i'), 'i'), ['append appends']],
    [
      'an offset with a bit flipped',
      (tables) => [put('offsets', offsetKey('a'), ['a', '1', 7]), flip('offsets', offsetKey('a'))].forEach((each) => each(tables)),
      ['offset offsets'],
    ],
    ["an offset under another's hash", put('offsets', offsetKey('a'), ['b', '1', 7]), ['offset offsets 7']],
    ['an offset that is ahead of the log', put('offsets', offsetKey('a'), ['a', '1', 8]), ['offset offsets 8']],
    ['an offset of before the log', put('offsets', offsetKey('a'), ['a', '1', -1]), ['offset offsets -1']],
    ['an offset at half a position', put('offsets', offsetKey('a'), ['a', '1', 1.5]), ['offset offsets 1.5']],
    ['an offset that is no text', put('offsets', offsetKey('a'), ['a', 1, 7]), ['offset offsets 7']],
    ['an offset without a position', put('offsets', offsetKey('a'), ['a', '1']), ['offset offsets']],
    ['an offset that is no list', put('offsets', offsetKey('a'), 'a'), ['offset offsets']],
    ['a key of an offset that is cut off', (tables) => tables.offsets.putSync(Buffer.of(1), Buffer.of(1)), ['key offsets']],
    ['a key of an id that is cut off', (tables) => tables.appends.putSync(Buffer.of(1), Buffer.of(1)), ['key appends']],
  ])('%s', async (_, change, expected) => {
    expect(await foundIn(change)).toEqual(expected);
  });

  test('offsets up to the head are fine, and a later version may say more in them', async () => {
    const found = await foundIn((tables) => {
      put('offsets', offsetKey('a'), ['a', '', 0])(tables);
      put('offsets', offsetKey('\ud83d'), ['\ud83d', '1', 7, 'more'])(tables);
    });
    expect(found).toEqual([]);
  });

  test('ids of batches up to the head are fine, and of batches without events', async () => {
    const found = await foundIn((tables) => {
      put('appends', appendKey('i'), ['i', 1, 7, HASH])(tables);
      put('appends', appendKey('j'), ['j', 8, 7, HASH])(tables);
      put('appends', appendKey('\ud83d'), ['\ud83d', 1, 0, HASH])(tables);
    });
    expect(found).toEqual([]);
  });

  test('a cursor at the head is fine', async () => {
    expect(await foundIn(put('cursors', nameKey('c'), ['c', 7]))).toEqual([]);
  });

  test('a name that a later event needs is found missing where the state hides it', async () => {
    const found = await foundIn((tables) => {
      tables.names.removeSync(nameKey(nameOf('output', 'graph', 'other', 'result')));
      tables.settled.removeSync(indexKey(4, 5));
      put('meta', META.state, [1, 7, 4])(tables);
    });
    expect(found).toEqual(['name-missing names 5']);
  });

  test('events in the place of each other', async () => {
    const found = await foundIn((tables) => {
      const [third, fourth] = [3, 4].map((position) => Buffer.from(tables.events.get(positionKey(position)) ?? NOTHING));
      tables.events.putSync(positionKey(3), fourth ?? NOTHING);
      tables.events.putSync(positionKey(4), third ?? NOTHING);
    });
    expect(found).toEqual(['record events 3', 'record events 4']);
  });

  test('a store of a later format, and one that was never finished', async () => {
    expect(await foundIn((tables) => tables.meta.putSync(META.format, Buffer.from(`sluice-store ${FORMAT + 1}`)))).toEqual(['format null']);
    expect(await foundIn((tables) => void tables.meta.removeSync(META.format))).toEqual(['format null']);
  });

  test('a file that was cut off, and one that is something else', async () => {
    const folder = await changed(() => undefined);
    await truncate(join(folder, 'data.mdb'), 3 * 4096);
    expect((await check(folder)).found).toMatchObject([{ code: 'file' }]);
    await writeFile(join(folder, 'data.mdb'), 'something else '.repeat(1000));
    expect((await check(folder)).found).toMatchObject([{ code: 'file' }]);
  });

  test('a table whose keys are out of order is left where they are, so that the check has an end', () => {
    const found: Finding[] = [];
    const findings = new Findings((finding) => void found.push(finding));
    const pages = [[Buffer.of(1), Buffer.of(3)], [Buffer.of(2)]];
    // As much of a table as is asked for here; LMDB's own pages were checked before, so no file gets that far.
    const table = { getKeys: () => pages.shift() ?? [Buffer.of(2)], get: () => NOTHING } as unknown as Tables['events'];
    const tables = {} as unknown as Tables;
    const rows = rowsOf(
      { tables, label: 'l', findings, tellRows: () => undefined, counts: new Map() },
      { name: 'events', table, keyBytes: 1 },
    );
    expect([...rows].map(({ key }) => key[0])).toEqual([1, 3]);
    expect(found).toMatchObject([{ code: 'key', table: 'events', key: '02' }]);
  });

  test('a table that LMDB cannot read is a finding', () => {
    const found: Finding[] = [];
    const findings = new Findings((finding) => void found.push(finding));
    const fail = (): never => {
      throw new Error('MDB_CORRUPTED');
    };
    const table = { getKeys: fail, get: fail } as unknown as Tables['events'];
    const context = { tables: { events: table } as unknown as Tables, label: 'l', findings, tellRows: () => undefined, counts: new Map() };
    expect([...rowsOf(context, { name: 'events', table, keyBytes: 6 })]).toEqual([]);
    expect(rowAt(context, 'events', positionKey(1))).toBeUndefined();
    expect(found).toMatchObject([{ code: 'page', table: 'events' }, { code: 'page' }]);
  });

  test("a finding says the row's key and what is wrong", async () => {
    const { found } = await check(await changed((tables) => void tables.readable.removeSync(indexKey(2, 3))));
    expect(found).toEqual([
      {
        code: 'index-missing',
        table: 'readable',
        key: indexKey(2, 3).toString('hex'),
        position: 3,
        message: 'The event at position 3 is not in "readable" under ["key","a"].',
      },
    ]);
  });
});

describe('verifyStore', () => {
  test('gives a report that is frozen, plain data, and tells how far it is', async () => {
    const folder = await changed(() => undefined);
    const progress: unknown[] = [];
    const report = await verifyStore(folder, { onProgress: (each) => void progress.push(each) });
    expect(report).toEqual({
      path: folder,
      ok: true,
      findings: [],
      moreFindings: 0,
      tables: { names: 6, events: 7, readable: 2, settled: 2, runs: 2, values: 1 },
      head: 7,
      unreferencedValues: 0,
      durationMs: expect.any(Number),
    });
    expect(structuredClone(report)).toEqual(report);
    for (const part of [report, report.findings, report.tables]) expect(Object.isFrozen(part)).toBe(true);
    expect(progress).toContainEqual({ step: 'verify', table: 'events', rows: 7 });
  });

  test('lists at most 1,000 findings, and counts the rest', async () => {
    const folder = await changed((tables) => {
      for (let position = 100; position < 1200; position += 1) tables.readable.putSync(indexKey(2, position), NOTHING);
    });
    const report = await verifyStore(folder);
    expect(report).toMatchObject({ ok: false, moreFindings: 100 });
    expect(report.findings).toHaveLength(1000);
    expect(Object.isFrozen(report.findings[0])).toBe(true);
  });

  test('reads one snapshot beside a writer in another process, and in this one', async () => {
    const folder = await newFolder();
    const other = new DamageChild();
    await other.ask({ do: 'write for ever', folder });
    const reports = [await verifyStore(folder), await verifyStore(folder)];
    await other.kill();
    for (const report of reports) {
      expect(report.findings).toEqual([]);
      expect(report.tables['events']).toBe(report.head);
    }
    expect(reports[1]?.head).toBeGreaterThan(reports[0]?.head ?? Infinity);

    const store = await openStore(folder);
    const own = await verifyStore(folder);
    expect(own.findings).toEqual([]);
    await store.close();
  });

  test('refuses what is no store', async () => {
    const empty = await newFolder();
    const file = join(empty, 'file');
    for (const folder of [empty, join(empty, 'none'), file, '', 'a\0b'])
      await expect(verifyStore(folder), folder).rejects.toMatchObject({ code: 'STORE_PATH' });
    await appendFile(file, 'x');
    await expect(verifyStore(file)).rejects.toMatchObject({ code: 'STORE_PATH' });
    // @ts-expect-error a path is text
    await expect(verifyStore(5)).rejects.toMatchObject({ code: 'STORE_PATH' });
    // @ts-expect-error an option that is misspelt
    await expect(verifyStore(empty, { onprogress: () => undefined })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await mkdir(join(empty, 'data.mdb'));
    await expect(verifyStore(empty)).rejects.toMatchObject({ code: 'STORE_PATH' });
  });

  test('ends with the reason of its signal, and leaves no process', async () => {
    const folder = await changed(() => undefined);
    await expect(verifyStore(folder, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
    const controller = new AbortController();
    const verifying = verifyStore(folder, { signal: controller.signal });
    await expect.poll(() => childrenOf(process.pid).length).toBeGreaterThan(0);
    controller.abort('meanwhile');
    await expect(verifying).rejects.toBe('meanwhile');
    expect(childrenOf(process.pid)).toEqual([]);
  });

  test('fails with what its listener throws', async () => {
    const folder = await changed(() => undefined);
    const failing = verifyStore(folder, {
      onProgress: () => {
        throw new Error('listener');
      },
    });
    await expect(failing).rejects.toThrow('listener');
    expect(childrenOf(process.pid)).toEqual([]);
  });
});

const linux = process.platform === 'linux';

/** Processes that this one started, as Linux lists them; elsewhere none. */
function childrenOf(pid: number): readonly number[] {
  if (!linux) return [];
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter((text) => text.trim() !== '')
    .map(Number)
    .filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('care-process'));
}

describe.runIf(linux)('a process that does not survive what it reads', () => {
  test.each(['SIGBUS', 'SIGSEGV', 'SIGABRT'] as const)('is a finding, and no end of this one (%s)', async (signal) => {
    const folder = await newFolder();
    await makeSample(folder, fixedRuns(3));
    const verifying = verifyStore(folder);
    await expect.poll(() => childrenOf(process.pid).length).toBeGreaterThan(0);
    for (const child of childrenOf(process.pid)) process.kill(child, signal);
    expect(await verifying).toMatchObject({ ok: false, findings: [{ code: 'page', message: expect.stringContaining(signal) }] });
  });

  test('that was killed by somebody says nothing of the store', async () => {
    const folder = await newFolder();
    await makeSample(folder, fixedRuns(3));
    const verifying = verifyStore(folder);
    await expect.poll(() => childrenOf(process.pid).length).toBeGreaterThan(0);
    for (const child of childrenOf(process.pid)) process.kill(child, 'SIGKILL');
    await expect(verifying).rejects.toMatchObject({ code: 'STORE_IO' });
  });

  test('leaves the file as it was', async () => {
    const folder = await changed(() => undefined);
    const before = await readFile(join(folder, 'data.mdb'));
    await verifyStore(folder);
    expect((await readFile(join(folder, 'data.mdb'))).equals(before)).toBe(true);
  });
});
