import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeValue } from '../../../lib/kernel/value/canonical.ts';
import { decodeValue } from '../../../lib/kernel/value/decode.ts';
import { isKnownImmutable } from '../../../lib/kernel/value/fix.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { link, markdown, metadataKind, table, type MetadataCell } from '../../../lib/model/metadata.ts';
import { batchOf, materialized, unchanged } from '../../kit/sample-events.ts';
import { newStore } from '../../store/folder.ts';

/** Calls a maker as JavaScript may. */
function untyped(make: (...given: never[]) => unknown, ...given: readonly unknown[]): () => unknown {
  return () => Reflect.apply(make, undefined, given);
}

describe('link', () => {
  test('is a plain frozen record with its URL, and its text where it has one', () => {
    expect(link('https://example.com/a?b=c#d')).toStrictEqual({ 'sluice:metadata': 'link', url: 'https://example.com/a?b=c#d' });
    expect(link('s3://bucket/key', 'the file')).toStrictEqual({ 'sluice:metadata': 'link', url: 's3://bucket/key', text: 'the file' });
    expect(link(new URL('https://example.com'))).toStrictEqual({ 'sluice:metadata': 'link', url: 'https://example.com/' });
    expect(Object.isFrozen(link('https://example.com'))).toBe(true);
  });

  test.each(['report', '/a/b', '//example.com', '', 'https://'])('refuses %j, which is no absolute URL', (url) => {
    const problem = 'no absolute URL. Give one with its scheme, such as "https://example.com/report".';
    expect(() => link(url)).toThrow(new TypeError(`link() was given "${url}" as its URL, which is ${problem}`));
  });

  test.each(['javascript:alert(1)', ' JavaScript:alert(1)', 'java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x'])(
    'refuses %j, which would run where it is shown',
    (url) => {
      expect(() => link(url)).toThrow(/^link\(\) was given ".*" as its URL, which is unsafe to follow: ".*:" runs where it is shown/);
    },
  );

  test('refuses what is no string', () => {
    for (const url of [5, null, undefined, {}, ['https://example.com']]) {
      expect(untyped(link, url)).toThrow(TypeError);
      expect(untyped(link, url)).toThrow('which is no string. Give an absolute URL, such as "https://example.com/report".');
    }
    expect(untyped(link, 'https://example.com', 5)).toThrow(
      new TypeError('link("https://example.com") was given 5 as its text. Give a string, or leave it out.'),
    );
    expect(untyped(link, 'https://example.com', null)).toThrow(TypeError);
  });
});

describe('markdown', () => {
  test('is a plain frozen record with its text', () => {
    expect(markdown('# Title')).toStrictEqual({ 'sluice:metadata': 'markdown', text: '# Title' });
    expect(Object.isFrozen(markdown(''))).toBe(true);
  });

  test('refuses what is no string', () => {
    expect(untyped(markdown, 5)).toThrow(new TypeError('markdown() was given 5 as its text. Give a string.'));
    for (const text of [undefined, null, {}]) expect(untyped(markdown, text)).toThrow(TypeError);
  });
});

describe('table', () => {
  test('has the keys of all rows as its columns, in the order in which they are first seen', () => {
    const rows = [
      { b: 1, a: 'x' },
      { c: null, a: 'y' },
    ];
    expect(table(rows)).toStrictEqual({ 'sluice:metadata': 'table', columns: ['b', 'a', 'c'], rows });
  });

  test('has the columns that are given, and no other cells', () => {
    const rows = [{ b: 1, a: 'x', c: { not: 'a cell' } }, { a: 'y' }];
    expect(untyped(table, rows, ['a', 'b', 'none'])()).toStrictEqual({
      'sluice:metadata': 'table',
      columns: ['a', 'b', 'none'],
      rows: [{ b: 1, a: 'x' }, { a: 'y' }],
    });
  });

  test('may be empty, with or without columns', () => {
    expect(table([])).toStrictEqual({ 'sluice:metadata': 'table', columns: [], rows: [] });
    expect(table([], ['a'])).toStrictEqual({ 'sluice:metadata': 'table', columns: ['a'], rows: [] });
    expect(table([{}])).toStrictEqual({ 'sluice:metadata': 'table', columns: [], rows: [{}] });
  });

  test('leaves a cell empty that is undefined', () => {
    expect(table([{ a: undefined, b: 1 }, { b: 2 }])).toStrictEqual({
      'sluice:metadata': 'table',
      columns: ['a', 'b'],
      rows: [{ b: 1 }, { b: 2 }],
    });
  });

  test('is a copy that is frozen all the way down', () => {
    const row = { n: 1, at: new Date(5) };
    const rows = [row];
    const columns = ['n', 'at'];
    const made = table(rows, columns);
    row.n = 2;
    row.at.setTime(6);
    rows.push(row);
    columns.push('n');
    expect(made).toStrictEqual({ 'sluice:metadata': 'table', columns: ['n', 'at'], rows: [{ n: 1, at: new Date(5) }] });
    for (const part of [made, made.columns, made.rows, made.rows[0]]) expect(Object.isFrozen(part)).toBe(true);
  });

  test('may have a column of any name', () => {
    const made = table([JSON.parse('{"__proto__": 1, "": 2, "sluice:metadata": "link"}')]);
    expect(made.columns).toEqual(['__proto__', '', 'sluice:metadata']);
    expect(Object.entries(made.rows[0] ?? {})).toEqual([
      ['__proto__', 1],
      ['', 2],
      ['sluice:metadata', 'link'],
    ]);
  });

  test('keeps Dates of classes that extend Date as Dates', () => {
    class Day extends Date {}
    const [row] = table([{ day: new Day(5) }]).rows;
    expect(row).toStrictEqual({ day: new Date(5) });
  });

  test.each([
    [
      [{ a: 1 }, { a: [1] }],
      'The cell "a" in rows[1] of table() is an array. Give a string, number, boolean, bigint, Date or null; JSON.stringify makes text of plain data.',
    ],
    [[{ a: () => 1 }], /^The cell "a" in rows\[0\] of table\(\) is a function\. /],
    [[{ a: {} }], /^The cell "a" in rows\[0\] of table\(\) is an object\. /],
    [[{ a: Symbol('s') }], /^The cell "a" in rows\[0\] of table\(\) is a symbol\. /],
    [
      [{ a: 1 }, new Map()],
      'rows[1] of table() is a Map, and no plain record. Give a plain record of cells; { ...row } makes one of an instance of a class.',
    ],
    [[[1]], /^rows\[0\] of table\(\) is an array, and no plain record\. /],
    // oxlint-disable-next-line no-sparse-arrays
    [[{ a: 1 }, , { a: 1 }], /^rows\[1\] of table\(\) is undefined, and no plain record\. /],
    [[null], /^rows\[0\] of table\(\) is null, and no plain record\. /],
    [{ a: 1 }, 'table() was given an object as its rows. Give a list of records.'],
    [undefined, 'table() was given undefined as its rows. Give a list of records.'],
  ] as const)('refuses rows that are none: %j', (rows, message) => {
    // prettier-ignore
    expect(untyped(table, rows)).toThrow(typeof message === 'string' ? new TypeError(message) : message);
    expect(untyped(table, rows)).toThrow(TypeError);
  });

  test.each([
    ['a', 'table() was given "a" as its columns. Give a list of strings.'],
    [['a', 5], 'table() was given the column 5. Give strings.'],
    [['a', 'b', 'a'], 'table() was given the column "a" twice. Give each column once.'],
  ])('refuses columns that are none: %j', (columns, message) => {
    expect(untyped(table, [], columns)).toThrow(new TypeError(message));
  });
});

describe('the kind of a value', () => {
  const own = 'sluice:metadata';

  test.each([
    ['number', [0, -1.5, NaN, 12n]],
    ['text', ['', 'link']],
    ['boolean', [true, false]],
    ['date', [new Date(5), new Date(NaN)]],
    ['link', [link('https://example.com'), link('https://example.com', 'text')]],
    ['markdown', [markdown('')]],
    ['table', [table([]), table([{ a: 1, b: null, c: new Date(5), d: 1n, e: 'x', f: false }], ['a', 'c'])]],
    ['json', [null, undefined, {}, { a: 1 }, [], [1], new Map([[own, 'markdown']]), new Set(), new Uint8Array(1)]],
  ] as const)('is %s', (kind, values) => {
    for (const value of values) expect(metadataKind(value)).toBe(kind);
  });

  test('is json where a record has the mark and not what belongs to it', () => {
    const lookalikes = [
      { [own]: 'chart', text: 'x' },
      Object.assign(new Map(), { [own]: 'markdown', text: 'x' }),
      { [own]: ['markdown'], text: 'x' },
      { [own]: 'markdown' },
      { [own]: 'markdown', text: 5 },
      { [own]: 'link', text: 'x' },
      { [own]: 'link', url: 'report' },
      { [own]: 'link', url: 'javascript:alert(1)' },
      { [own]: 'link', url: 'https://example.com', text: 5 },
      { [own]: 'table', columns: ['a'] },
      { [own]: 'table', columns: 'a', rows: [] },
      { [own]: 'table', columns: [1], rows: [] },
      { [own]: 'table', columns: ['a'], rows: [[1]] },
      { [own]: 'table', columns: ['a'], rows: [{ a: { deep: 1 } }] },
    ];
    for (const value of lookalikes) expect([metadataKind(value), value]).toEqual(['json', value]);
  });

  test('is never another one, whatever else a value holds', () => {
    const kinds = ['number', 'text', 'boolean', 'date', 'json'];
    fc.assert(fc.property(fc.anything({ withDate: true, withBigInt: true, withMap: true, withNullPrototype: true }), (value) => kinds.includes(metadataKind(value)))); // prettier-ignore
  });
});

describe('what was made is the same when it is read back', () => {
  test('from bytes', () => {
    fc.assert(
      fc.property(rows(), fc.option(fc.uniqueArray(fc.string()), { nil: undefined }), fc.string(), fc.webUrl(), (given, columns, text, url) => {
        for (const made of [table(given, columns), markdown(text), link(url, text), link(url)]) {
          const read = decodeValue(encodeValue(made));
          expect(read).toStrictEqual(made);
          expect(metadataKind(read)).toBe(made['sluice:metadata']);
        }
      }),
    ); // prettier-ignore
  });

  test.each([
    ['lmdb', newStore],
    ['memory', async () => ({ store: memoryStore() })],
  ] as const)('from the metadata of events (%s)', async (_, open) => {
    const { store } = await open();
    const metadata = () => ({
      report: link('https://example.com/report', 'the report'),
      notes: markdown('**12** rows'),
      preview: table([{ id: 1n, at: new Date(5), name: 'x' }, { id: 2n, name: null }]),
      sizes: table([{ size: 1.5 }]),
      plain: { 'sluice:metadata': 'other' },
    }); // prettier-ignore
    await store.port.append(batchOf(materialized('a', { metadata: metadata() }), unchanged('b', { metadata: metadata() })));
    for (const event of await store.port.read(1, 2)) {
      expect(event).toHaveProperty('metadata', metadata());
      const kinds = 'metadata' in event ? Object.values(event.metadata).map(metadataKind) : [];
      expect(kinds).toEqual(['link', 'markdown', 'table', 'table', 'json']);
    }
    await store.close();
  });

  test('and costs a store no second look where nothing in it can change', () => {
    for (const made of [link('https://example.com'), markdown('x'), table([{ a: 1 }])]) expect(isKnownImmutable(made)).toBe(true);
    expect(isKnownImmutable(table([{ at: new Date(5) }]))).toBe(false);
  });
});

describe('the types of table', () => {
  interface Declared {
    readonly id: number;
    readonly note?: string;
  }

  test('take rows of declared types and of several shapes, and nothing that is no cell', () => {
    const declared: readonly Declared[] = [{ id: 1 }];
    expect(table(declared).columns).toEqual(['id']);
    expect(table([{ a: 1 }, { b: 'x' }]).columns).toEqual(['a', 'b']);
    // @ts-expect-error a list is no cell
    expect(() => table([{ a: [1] }])).toThrow(TypeError);
    // @ts-expect-error rows are records
    expect(() => table([1])).toThrow(TypeError);
    // @ts-expect-error rows are no lists either
    expect(() => table([[1]])).toThrow(TypeError);
  });
});

function rows(): fc.Arbitrary<Record<string, MetadataCell>[]> {
  const cell = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.bigInt(), fc.date({ noInvalidDate: false }));
  return fc.array(fc.dictionary(fc.string(), cell, { maxKeys: 4 }), { maxLength: 4 });
}
