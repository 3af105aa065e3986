import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { aggregateRows } from '../../../lib/delta/accumulator.ts';
import type { Aggregate } from '../../../lib/delta/aggregate.ts';
import { aggregates, average, count, max, min, sum } from '../../../lib/delta/aggregates.ts';
import { joinRows } from '../../../lib/delta/bilinear.ts';
import { delta, emptyDelta, type Delta } from '../../../lib/kernel/keyed/delta.ts';
import { compareKeys, type Key } from '../../../lib/kernel/keyed/key.ts';
import { emptyKeyed, keyed, type Keyed } from '../../../lib/kernel/keyed/keyed.ts';
import { filterRows, flatMapRows, mapRows } from '../../../lib/delta/linear.ts';
import { computeAll } from '../../../lib/delta/opaque.ts';
import type { Operator } from '../../../lib/delta/operator.ts';
import { computeGroups } from '../../../lib/delta/per-group.ts';
import { deltaOf, edits, row, table, type Edit, type Row } from './arbitraries.ts';
import { expectSame, followOperator } from './rig.ts';

type Rows = Keyed<Key, Row>;
type Unary = Operator<readonly [Rows], Key, unknown>;
type Binary = Operator<readonly [Rows, Rows], Key, unknown>;

/** An aggregate of a user: it has to start anew when something is taken away, unless that is not there. */
const distinct: Aggregate<Key, Row, readonly number[], readonly number[]> = {
  empty: [],
  add: (seen, { n: value }) => (seen.includes(value) ? seen : [...seen, value + 0].sort(compareKeys)),
  remove: (seen, { n: value }) => (seen.includes(value) ? undefined : seen),
  result: (seen) => seen,
};

const n = ({ n: value }: Row): number => value;
const unary: readonly (readonly [string, Unary])[] = [
  ['filter', filterRows<Key, Row>((each) => each.n > 0)],
  ['filter by key', filterRows<Key, Row>((_, key) => typeof key === 'string')],
  ['map that collapses', mapRows<Key, Row, number>((each) => Math.sign(each.n))],
  ['map that leaves out', mapRows<Key, Row, unknown>(({ to, n: value }, key) => (to === null ? undefined : { to, key, twice: value * 2 }))],
  [
    'flatMap',
    flatMapRows<Key, Row, unknown>(({ to, n: value }) => [
      ...(to === null ? [] : [[to, 1] as const]),
      ...(value > 0 ? [['n', value] as const] : []),
    ]),
  ],
  ['count', aggregateRows<Key, Row, Key, number, number>(({ to }) => to, count())],
  ['sum', aggregateRows(({ to }: Row) => to, sum(n))],
  ['average', aggregateRows(({ to }: Row) => to, average(n))],
  ['min', aggregateRows(({ to }: Row) => to, min(n))],
  ['max', aggregateRows(({ to }: Row) => to, max(n))],
  ['an aggregate that starts anew', aggregateRows(({ to }: Row) => to, distinct)],
  [
    'an aggregate with no row for some groups',
    aggregateRows(({ to }: Row) => to, { ...sum(n), result: ({ whole }) => (whole > 0 ? whole : undefined) }),
  ],
  ['several aggregates', aggregateRows(({ to }: Row) => to, aggregates({ rows: count(), least: min(n), total: sum(n) }))],
  ['one group', aggregateRows(() => 'all', sum(n))],
  [
    'compute',
    computeGroups(
      ({ to }: Row) => to,
      (rows, group) => ({ group, rows: [...rows] }),
    ),
  ],
  [
    'compute with no row for some groups',
    computeGroups(
      ({ to }: Row) => to,
      (rows) => (rows.size > 1 ? rows.size : undefined),
    ),
  ],
  ['computeAll', computeAll((rows: Rows) => [...rows].slice(0, 2))],
  ['computeAll of nothing too', computeAll((rows: Rows) => [['size', rows.size]])],
];

const join = joinRows<Key, Row, Key, Row, unknown>({
  left: ({ to }) => to,
  right: (_, key) => key,
  combine: (left, right, leftKey, rightKey) => (left.n === right.n ? undefined : { left: left.n, right: right.n, leftKey, rightKey }),
});
const binary: readonly (readonly [string, Binary])[] = [
  ['join of a reference with what it refers to', join],
  [
    'join of many with many',
    joinRows<Key, Row, Key, Row, unknown>({ left: (each) => each.to, right: (each) => each.to, combine: (a, b) => [a.n, b.n] }),
  ],
  [
    'join of all with all',
    joinRows<Key, Row, Key, Row, number>({ left: () => 1, right: () => 1, combine: (a, b) => Math.sign(a.n - b.n) }),
  ],
  ['computeAll', computeAll((a: Rows, b: Rows) => [...a].filter(([key]) => b.has(key)))],
];

/** Deltas that follow each other, of tables that they start from. */
function deltas(start: readonly Rows[], history: readonly (readonly (readonly Edit<Row>[])[])[]): readonly (readonly Delta<Key, Row>[])[] {
  let now = start;
  return history.map((all) => {
    const made = now.map((each, at) => deltaOf(each, all[at] ?? []));
    now = now.map((each, at) => each.apply(made[at] ?? emptyDelta()));
    return made;
  });
}

describe('a step gives what the full computation gives (I18)', () => {
  test.each(unary)('%s', (_, operator) => {
    fc.assert(
      fc.property(table(row), fc.array(edits(row), { maxLength: 4 }), (start, history) => {
        const all = deltas(
          [start],
          history.map((made) => [made]),
        );
        followOperator(
          operator,
          [start],
          all.map(([first = emptyDelta()]): readonly [Delta<Key, Row>] => [first]),
        );
      }),
    );
  });

  test.each(binary)('%s', (_, operator) => {
    fc.assert(
      fc.property(table(row), table(row), fc.array(fc.tuple(edits(row), edits(row)), { maxLength: 4 }), (left, right, history) => {
        const all = deltas([left, right], history);
        followOperator(
          operator,
          [left, right],
          all.map(([a = emptyDelta(), b = emptyDelta()]): readonly [Delta<Key, Row>, Delta<Key, Row>] => [a, b]),
        );
      }),
    );
  });
});

describe('classes keep to their laws (I19)', () => {
  const linear = unary.slice(0, 5);

  test.each(linear)('%s of two deltas is that of both together', (_, operator) => {
    fc.assert(
      fc.property(table(row), edits(row), edits(row), (start, one, other) => {
        const [[a = emptyDelta<Key, Row>()] = [], [b = emptyDelta<Key, Row>()] = []] = deltas([start], [[one], [other]]);
        const of = (each: Delta<Key, Row>): Delta<Key, unknown> => operator.step(undefined, [each]).delta;
        expect(of(a.compose(b)).changes).toStrictEqual(of(a).compose(of(b)).changes);
        expect(of(a.invert()).changes).toStrictEqual(of(a).invert().changes);
        expect(operator.class).toBe('linear');
      }),
    );
  });

  test('a join follows both sides together as one after the other, in either order', () => {
    fc.assert(
      fc.property(table(row), table(row), edits(row), edits(row), (left, right, onLeft, onRight) => {
        const [a, b] = [deltaOf(left, onLeft), deltaOf(right, onRight)];
        const { state } = join.start([left.inserts(), right.inserts()]);
        const together = join.step(state, [a, b]);
        const leftFirst = join.step(state, [a, emptyDelta()]);
        const rightFirst = join.step(state, [emptyDelta(), b]);
        const one = leftFirst.delta.compose(join.step(leftFirst.state, [emptyDelta(), b]).delta);
        const other = rightFirst.delta.compose(join.step(rightFirst.state, [a, emptyDelta()]).delta);
        expect(one.changes).toStrictEqual(together.delta.changes);
        expect(other.changes).toStrictEqual(together.delta.changes);
      }),
    );
  });
});

describe('a join', () => {
  const start = join.start([
    keyed<Key, Row>([['l', { to: 1, n: 1 }]]).inserts(),
    keyed<Key, Row>([
      [1, { to: null, n: 5 }],
      [2, { to: null, n: 6 }],
    ]).inserts(),
  ]);

  test('follows a row whose join key changes in an edit', () => {
    const { delta: change } = join.step(start.state, [
      delta<Key, Row>([{ key: 'l', old: { to: 1, n: 1 }, new: { to: 2, n: 1 } }]),
      emptyDelta(),
    ]);
    expect(change.changes).toEqual([
      { key: '1:l|1', old: { left: 1, right: 5, leftKey: 'l', rightKey: 1 } },
      { key: '1:l|2', new: { left: 1, right: 6, leftKey: 'l', rightKey: 2 } },
    ]);
  });

  test('gives one edit where both sides of a pair change', () => {
    const { delta: change } = join.step(start.state, [
      delta<Key, Row>([{ key: 'l', old: { to: 1, n: 1 }, new: { to: 1, n: 2 } }]),
      delta<Key, Row>([{ key: 1, old: { to: null, n: 5 }, new: { to: null, n: 7 } }]),
    ]);
    expect(change.changes).toMatchObject([{ key: '1:l|1', old: { left: 1, right: 5 }, new: { left: 2, right: 7 } }]);
  });

  test('takes rows with null for a join key to meet nothing', () => {
    const nulls = keyed<Key, Row>([[1, { to: null, n: 1 }]]);
    const both = joinRows<Key, Row, Key, Row, number>({ left: ({ to }) => to, right: ({ to }) => to, combine: () => 1 });
    expect(both.full([nulls, nulls]).size).toBe(0);
    expect(both.start([nulls.inserts(), nulls.inserts()]).delta.size).toBe(0);
  });
});

describe('cost follows what changed', () => {
  const many = keyed<Key, Row>(Array.from({ length: 2_000 }, (_, at) => [at, { to: at % 100, n: at }]));
  const edit = delta<Key, Row>([{ key: 7, old: { to: 7, n: 7 }, new: { to: 8, n: 9 } }]);

  test('a join asks about the changed rows and what they meet', () => {
    const left = vi.fn<(each: Row) => Key | null>(({ to }) => to);
    const combine = vi.fn<(a: Row, b: Row) => number>((a, b) => a.n + b.n);
    const operator = joinRows<Key, Row, Key, Row, number>({ left, right: (_, key) => key, combine });
    const { state } = operator.start([many.inserts(), many.inserts()]);
    left.mockClear();
    combine.mockClear();
    operator.step(state, [edit, emptyDelta()]);
    expect([left.mock.calls.length, combine.mock.calls.length]).toEqual([2, 2]);
  });

  test('an invertible aggregate asks about the changed rows', () => {
    const of = vi.fn<(each: Row) => number>(n);
    const operator = aggregateRows(({ to }: Row) => to, sum(of));
    const { state } = operator.start([many.inserts()]);
    of.mockClear();
    operator.step(state, [edit]);
    expect(of).toHaveBeenCalledTimes(2);
  });

  test('an aggregate looks at a whole group only where the last best row goes, and at no other group', () => {
    const of = vi.fn<(each: Row) => number>(n);
    const operator = aggregateRows(({ to }: Row) => to, min(of));
    const { state } = operator.start([many.inserts()]);
    of.mockClear();
    operator.step(state, [delta<Key, Row>([{ key: 107, old: { to: 7, n: 107 } }])]);
    expect(of).toHaveBeenCalledTimes(1);
    of.mockClear();
    operator.step(state, [delta<Key, Row>([{ key: 7, old: { to: 7, n: 7 } }])]);
    expect(of).toHaveBeenCalledTimes(1 + 19);
  });

  test('an aggregate looks at no other row where one of two best rows goes', () => {
    const of = vi.fn<(each: Row) => number>(n);
    const operator = aggregateRows(({ to }: Row) => to, min(of));
    const { state } = operator.start([many.apply(delta<Key, Row>([{ key: 'twin', new: { to: 7, n: 7 } }])).inserts()]);
    of.mockClear();
    expect(operator.step(state, [delta<Key, Row>([{ key: 7, old: { to: 7, n: 7 } }])]).delta.size).toBe(0);
    expect(of).toHaveBeenCalledTimes(1);
  });

  test('a group is computed once, however many of its rows change', () => {
    const compute = vi.fn<(rows: Rows) => number>((rows) => rows.size);
    const operator = computeGroups(({ to }: Row) => to, compute);
    const { state } = operator.start([many.inserts()]);
    expect(compute).toHaveBeenCalledTimes(100);
    compute.mockClear();
    const burst = delta<Key, Row>(Array.from({ length: 1_000 }, (_, at) => ({ key: `new ${at}`, new: { to: 3, n: at } })));
    expect(operator.step(state, [burst]).delta.changes).toEqual([{ key: 3, old: 20, new: 1_020 }]);
    expect(compute).toHaveBeenCalledTimes(1);
  });

  test('nothing is left of rows that went', () => {
    for (const [, operator] of unary.filter(([, each]) => each.class !== 'opaque')) {
      const { state } = operator.start([many.inserts()]);
      const gone = operator.step(state, [many.inserts().invert()]);
      expect(gone.state).toEqual(operator.start([emptyDelta()]).state);
    }
  });
});

describe('readers of an output', () => {
  test('see no change where a row comes out equal', () => {
    const operator = mapRows<Key, Row, unknown>(({ n: value }) => ({ sign: Math.sign(value) }));
    expect(operator.step(undefined, [delta<Key, Row>([{ key: 1, old: { to: 1, n: 5 }, new: { to: 2, n: 6 } }])]).delta.size).toBe(0);
    const groups = computeGroups(
      ({ to }: Row) => to,
      (rows) => ({ size: rows.size }),
    );
    const { state } = groups.start([keyed<Key, Row>([[1, { to: 1, n: 5 }]]).inserts()]);
    expect(groups.step(state, [delta<Key, Row>([{ key: 1, old: { to: 1, n: 5 }, new: { to: 1, n: 6 } }])]).delta.size).toBe(0);
  });
});

describe('what functions of users do wrong', () => {
  const one = keyed<Key, Row>([[1, { to: 1, n: 1 }]]);

  test('a flatMap with one key twice is refused, in a step and in full', () => {
    const operator = flatMapRows<Key, Row, number>(() => [
      ['a', 1],
      ['a', 2],
    ]);
    const refused = expect.objectContaining({ code: 'ROW_KEY_REPEATED' });
    expect(() => operator.full([one])).toThrow(refused);
    expect(() => operator.start([one.inserts()])).toThrow(refused);
  });

  test('a group that is no key is refused', () => {
    // @ts-expect-error what JavaScript users may give
    const operator = aggregateRows<Key, Row, Key, number, number>(() => ({}), count());
    expect(() => operator.start([one.inserts()])).toThrow('The function of groupBy() gave an object as a key.');
  });

  test('an add that changes what it is given fails, and no state of the past is changed', () => {
    const operator = aggregateRows(({ to }: Row) => to, {
      empty: [],
      add: (seen: number[], { n: value }: Row) => (seen.push(value), seen),
      remove: () => undefined,
      result: (seen) => seen.length,
    });
    expect(() => operator.start([one.inserts()])).toThrow(TypeError);
  });

  test('an add that changes what was kept of a step before fails', () => {
    const operator = aggregateRows(({ to }: Row) => to, {
      empty: [],
      add: (seen: readonly number[], { n: value }: Row) => (seen.length === 0 ? [value] : Object.assign(seen, { [seen.length]: value })),
      remove: () => undefined,
      result: (seen) => seen.length,
    });
    const { state } = operator.start([one.inserts()]);
    expect(() => operator.step(state, [delta<Key, Row>([{ key: 2, new: { to: 1, n: 2 } }])])).toThrow(TypeError);
  });

  test('an aggregate that is not as invertible as it says is refused', () => {
    const operator = aggregateRows(({ to }: Row) => to, { ...distinct, invertible: true });
    const { state } = operator.start([
      keyed<Key, Row>([
        [1, { to: 1, n: 1 }],
        [2, { to: 1, n: 1 }],
      ]).inserts(),
    ]);
    expect(() => operator.step(state, [delta<Key, Row>([{ key: 1, old: { to: 1, n: 1 } }])])).toThrow(
      expect.objectContaining({ code: 'AGGREGATE_NOT_INVERTIBLE' }),
    );
  });

  test('a sum of what is no number is refused', () => {
    // @ts-expect-error what JavaScript users may give
    const total = sum<Key, Row>(() => undefined);
    const operator = aggregateRows(({ to }: Row) => to, total);
    expect(() => operator.start([one.inserts()])).toThrow('sum() got undefined for the row under key 1. Give a number for every row.');
  });

  test('a function that does not give the same for the same row is found where the row is kept', () => {
    let calls = 0;
    const restless = mapRows<Key, Row, Row>((each) => ({ ...each, n: (calls += 1) }));
    const kept = computeGroups(
      ({ to }: Row) => to,
      (rows) => rows.size,
    );
    const started = kept.start([restless.start([one.inserts()]).delta]);
    const next = restless.step(undefined, [one.inserts().invert()]);
    expect(() => kept.step(started.state, [next.delta])).toThrow(/let functions of rows give the same for the same row every time/);
  });

  test('a delta that was applied before is found where a group has too few rows for it', () => {
    const operator = aggregateRows(({ to }: Row) => to, sum(n));
    const { state } = operator.start([one.inserts()]);
    const gone = operator.step(state, [one.inserts().invert()]);
    expect(() => operator.step(gone.state, [one.inserts().invert()])).toThrow(
      expect.objectContaining({ code: 'DELTA_MISMATCH', details: { group: 1 } }),
    );
  });
});

test('a full computation of no rows gives none, or what opaque ones make of nothing', () => {
  for (const [name, operator] of unary) {
    const made = operator.full([emptyKeyed()]);
    expectSame(made, name === 'computeAll of nothing too' ? keyed([['size', 0]]) : emptyKeyed());
  }
});
