import { describe, expect, test } from 'vitest';
import { fixValue } from '../../../lib/kernel/value/fix.ts';
import { createStepLog, type StepLine } from '../../../operators/step/step-log.ts';
import { untyped } from '../rig/untyped.ts';

function watched() {
  const lines: StepLine[] = [];
  return { lines, log: createStepLog((line) => lines.push(line)) };
}

function written(message: unknown, ...data: readonly unknown[]): StepLine | undefined {
  const { lines, log } = watched();
  log.info(untyped(message), ...data);
  return lines[0];
}

describe('a log', () => {
  test('has four levels, and works taken apart', () => {
    const { lines, log } = watched();
    const { debug, info, warn, error } = log;
    debug('a');
    info('b', 1);
    warn('c');
    error('d', { x: 1 });
    expect(lines).toEqual([
      { level: 'debug', message: 'a', data: undefined },
      { level: 'info', message: 'b', data: 1 },
      { level: 'warn', message: 'c', data: undefined },
      { level: 'error', message: 'd', data: { x: 1 } },
    ]);
    expect(Object.isFrozen(log)).toBe(true);
  });

  test('keeps 1,000 lines, and says once that there were more', () => {
    const { lines, log } = watched();
    for (let line = 0; line < 3000; line += 1) log.debug(String(line));
    expect(lines).toHaveLength(1001);
    expect(lines[999]?.message).toBe('999');
    expect(lines[1000]).toEqual({
      level: 'warn',
      message: "More than 1000 lines: the rest of this attempt's is left out.",
      data: undefined,
    });
  });
});

describe('the message of a line', () => {
  test('is kept up to 10,000 characters', () => {
    expect(written('x'.repeat(10_000))?.message).toHaveLength(10_000);
    expect(written('x'.repeat(10_001))?.message).toBe(`${'x'.repeat(10_000)}…`);
    expect(written('')?.message).toBe('');
  });

  test.each<[string, unknown, string]>([
    ['a number', 5, '5'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    [
      'an object',
      {
        toString: () => {
          throw new Error('x');
        },
      },
      'an object',
    ],
    ['an Error', new Error('x'), 'an Error'],
  ])('is printed where it is %s', (_, given, said) => {
    expect(written(given)?.message).toBe(said);
  });
});

describe('a line never throws, whatever it is given', () => {
  const boom = (): never => {
    throw new Error('must not come out');
  };
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();

  // A loop instead of test.each, which would print what cannot be printed.
  test('for its message', () => {
    for (const message of [revoked, new Proxy({}, { getPrototypeOf: boom, get: boom })])
      expect(written(message)?.message).toBe('an object');
    expect(written(`${'x'.repeat(9_999)}😀`)?.message).toBe(`${'x'.repeat(9_999)}…`);
  });

  test('for its data: a buffer that was transferred', () => {
    const sent = new Uint8Array(8);
    const view = new DataView(new ArrayBuffer(8));
    structuredClone([sent, view], { transfer: [sent.buffer, view.buffer] });
    expect(written('sent', sent)?.message).toBe('sent (data left out: a detached buffer at $)');
    expect(written('sent', { a: [sent.buffer] })?.message).toBe('sent (data left out: a detached buffer at $.a[0])');
    expect(written('sent', { view })?.message).toBe('sent (data left out: a detached buffer at $.view)');
  });

  test('for its data: what throws when it is read', () => {
    const said = 'm (data left out: an object that cannot be read or frozen at $)';
    expect(written('m', revoked)?.message).toBe('m (data left out: a Proxy at $)');
    expect(written('m', Object.create(revoked))?.message).toBe(said);
    const lying = Object.defineProperty(new Uint8Array(1), 'byteLength', { get: boom });
    expect(written('m', lying)?.message).toBe('m (data left out: something that cannot be read)');
  });
});

describe('the data of a line', () => {
  test('is as it was when it was logged, and frozen', () => {
    const data = { rows: [1], at: new Date(0), seen: new Map([['a', [1]]]), bytes: new Uint8Array([1]) };
    const line = written('m', data);
    data.rows.push(2);
    data.at.setTime(5);
    data.seen.clear();
    data.bytes[0] = 9;
    expect(line?.data).toEqual({ rows: [1], at: new Date(0), seen: new Map([['a', [1]]]), bytes: new Uint8Array([1]) });
    expect(Object.isFrozen(line?.data)).toBe(true);
  });

  test('stays what the body works with: nothing of it is frozen', () => {
    const shared = { n: 1 };
    const data = { list: [1, [2]], deep: { shared, again: shared }, none: Object.create(null) };
    const before = structuredClone(data);
    const line = written('m', data);
    for (const part of [data, data.list, data.list[1], data.deep, shared, data.none]) expect(Object.isFrozen(part)).toBe(false);
    data.list.push(3);
    shared.n = 2;
    expect(line?.data).toEqual(before);
  });

  test('is left out where it cannot be kept, and the line says why', () => {
    const cyclic: Record<string, unknown> = { a: [] };
    cyclic['a'] = [{ back: cyclic }];
    let deep: unknown = 1;
    for (let level = 0; level < 20_000; level += 1) deep = [level % 2 === 0 ? deep : { deep }];
    let called = 0;
    const getter = {
      get a() {
        return (called += 1);
      },
    };
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          called += 1;
          return [];
        },
      },
    );
    const cases: readonly (readonly [unknown, string])[] = [
      [() => 1, 'a function at $'],
      [{ rows: [{ f: () => 1 }] }, 'a function at $.rows[0].f'],
      [Symbol('s'), 'a symbol at $'],
      [new URL('https://example.com'), 'an instance of URL at $'],
      [cyclic, 'part of a cycle at $.a[0].back'],
      [deep, 'nested deeper than 1,000 levels at '],
      [getter, 'a getter or setter at $.a'],
      [{ p: proxy }, 'a Proxy at $.p'],
      [{ [Symbol('s')]: 1 }, 'keyed by a symbol at $[Symbol(s)]'],
      // eslint-disable-next-line no-sparse-arrays
      [[1, , 2], 'a hole in an array at $[1]'],
      [Object.assign([1], { extra: 1 }), 'an extra property of an array at $.extra'],
      [new Error('x'), 'an instance of Error at $'],
    ];
    for (const [data, problem] of cases) {
      const line = written('m', data);
      expect(line?.data).toBeUndefined();
      expect(line?.message).toContain(`m (data left out: ${problem}`);
      expect(line?.message).not.toContain('\n');
    }
    expect(called).toBe(0);
  });

  test('is kept up to 100,000 bytes', () => {
    expect(written('m', 'x'.repeat(99_000))?.data).toHaveLength(99_000);
    expect(written('m', 'x'.repeat(100_001))).toMatchObject({ message: 'm (data left out: more than 100000 bytes)', data: undefined });
    for (const wide of ['ä'.repeat(60_000), Array.from({ length: 20_000 }, () => 0.1)])
      expect(written('m', wide)).toMatchObject({ message: 'm (data left out: more than 100000 bytes)', data: undefined });
    let doubling: unknown[] = ['x'.repeat(100)];
    for (let level = 0; level < 40; level += 1) doubling = [doubling, doubling];
    expect(written('m', doubling)).toMatchObject({ message: 'm (data left out: more than 100000 bytes)', data: undefined });
  });

  test('is refused at its size, before anything else of it is looked at', () => {
    const rows: unknown[] = Array.from({ length: 50_000 }, (_, id) => ({ id, name: 'x' }));
    const last = { last: () => 1 };
    const many = Object.fromEntries(rows.map((row, index) => [`row ${index}`, row]));
    const frozen = Object.freeze(Array.from({ length: 50_000 }, (_, id) => Object.freeze({ id, name: 'x' })));
    fixValue(frozen);
    const huge: readonly (readonly [string, unknown])[] = [
      ['records', [...rows, last]],
      ['a list whose length alone is too much', { list: Object.assign([], { length: 100_001 }), last }],
      ['a record', { ...many, last }],
      ['a list that is frozen', [frozen, last]],
      ['a Map', new Map([...rows, last].entries())],
      ['a Set', new Set([...rows, last])],
      ['text', ['x'.repeat(2 ** 28), last]],
      ['a key', { ['x'.repeat(100_001)]: last }],
      ['a typed array', [new Float64Array(2 ** 24), last]],
      ['an ArrayBuffer', [new ArrayBuffer(2 ** 27), last]],
      ['what is too much only as often as it stands there', [...Array.from({ length: 4 }, () => rows.slice(0, 5_000)), last]],
    ];
    for (const [name, data] of huge)
      expect([name, written('m', data)]).toEqual([
        name,
        { level: 'info', message: 'm (data left out: more than 100000 bytes)', data: undefined },
      ]);
    expect(Object.isFrozen(rows[0])).toBe(false);
  });

  test('stays what the body works with in Maps and Sets, and below what is too deep, too', () => {
    const [key, value, member, bottom] = [[1], { list: [1] }, [2], { rows: [1] }];
    const data = { map: new Map([[key, value]]), set: new Set([member]) };
    const line = written('m', data);
    let deep: unknown = bottom;
    for (let level = 0; level < 1_500; level += 1) deep = [deep];
    expect(written('m', deep)?.message).toContain('nested deeper than 1,000 levels');
    for (const part of [key, value, value.list, member, bottom, bottom.rows]) expect(Object.isFrozen(part)).toBe(false);
    value.list.push(2);
    expect(line?.data).toEqual({ map: new Map([[[1], { list: [1] }]]), set: new Set([[2]]) });
  });

  test('may be any plain value, null and false too', () => {
    for (const data of [null, false, 0, '', 5n, NaN, [], new Set([1]), new Date(3)])
      expect(written('m', data)).toEqual({ level: 'info', message: 'm', data });
    expect(Object.keys(written('m', Object.fromEntries([['__proto__', 1]]))?.data ?? {})).toEqual(['__proto__']);
  });
});
