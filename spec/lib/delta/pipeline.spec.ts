import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { sum } from '../../../lib/delta/aggregates.ts';
import { delta, type Delta } from '../../../lib/kernel/keyed/delta.ts';
import type { Key } from '../../../lib/kernel/keyed/key.ts';
import { emptyKeyed, keyed, type Keyed } from '../../../lib/kernel/keyed/keyed.ts';
import { pipeline, type Pipeline } from '../../../lib/delta/pipeline.ts';
import { keyedInput } from '../../../lib/model/keyed-port.ts';
import { deltaOf, edits, row, table, type Row } from './arbitraries.ts';
import { flowOf, stages as anyStages, type FlowStage, type RowFlow } from './random-flows.ts';
import { expectSame, plainState } from './rig.ts';

type Rows = Keyed<Key, Row>;
const ports = { a: keyedInput<Key, Row>(), b: keyedInput<Key, Row>() };
type TwoInputs = Pipeline<typeof ports, Key, Row>;
const randomPipeline = anyStages({ maxLength: 5, squares: 2 }).map((stages): TwoInputs & { readonly stages: readonly FlowStage[] } => ({
  ...pipeline(ports, ({ a, b }) => flowOf(stages, [a, b])),
  stages,
}));

interface Tables {
  readonly a: Rows;
  readonly b: Rows;
}

const tables: fc.Arbitrary<Tables> = fc.record({ a: table(row), b: table(row) });
const changes = fc.record({ a: fc.option(edits(row), { nil: [] }), b: fc.option(edits(row), { nil: [] }) });

describe('a pipeline', () => {
  test('follows changes to what the full computation gives, and its state is that of the inputs (I18)', () => {
    fc.assert(
      fc.property(randomPipeline, tables, fc.array(changes, { maxLength: 4 }), (each, first, history) => {
        let now = first;
        let { state, output } = each.start(now);
        expectSame(output, each.full(now));
        for (const made of history) {
          const [a, b] = [deltaOf(now.a, made.a), deltaOf(now.b, made.b)];
          now = { a: now.a.apply(a), b: now.b.apply(b) };
          const before = plainState(state);
          const stepped = each.step(state, { a, ...(b.size > 0 && { b }) });
          expect(plainState(state)).toStrictEqual(before);
          output = output.apply(stepped.delta);
          state = stepped.state;
          expectSame(output, each.full(now));
          expect(plainState(state)).toStrictEqual(plainState(each.start(now).state));
        }
      }),
      { numRuns: 150 },
    );
  });

  test('gives the same in one step as in many', () => {
    fc.assert(
      fc.property(randomPipeline, tables, changes, changes, (each, first, one, other) => {
        const { state, output } = each.start(first);
        const [a1, b1] = [deltaOf(first.a, one.a), deltaOf(first.b, one.b)];
        const [a2, b2] = [deltaOf(first.a.apply(a1), other.a), deltaOf(first.b.apply(b1), other.b)];
        const half = each.step(state, { a: a1, b: b1 });
        const whole = each.step(half.state, { a: a2, b: b2 });
        const atOnce = each.step(state, { a: a1.compose(a2), b: b1.compose(b2) });
        expectSame(output.apply(atOnce.delta), output.apply(half.delta).apply(whole.delta));
        expect(plainState(atOnce.state)).toStrictEqual(plainState(whole.state));
      }),
    );
  });
});

interface Order {
  readonly customer: string;
  readonly amount: number;
  readonly open: boolean;
}
interface Customer {
  readonly region: string;
}
interface Sale {
  readonly region: string;
  readonly amount: number;
}

const joined = { left: ({ customer }: Order) => customer, right: (_: Customer, id: string) => id };
const sale = ({ amount }: Order, { region }: Customer): Sale => ({ region, amount });

const orders = keyed<number, Order>(
  Array.from({ length: 60 }, (_, id) => [id, { customer: `c${id % 7}`, amount: id / 10, open: id % 3 > 0 }]),
);
const customers = keyed<string, Customer>(Array.from({ length: 7 }, (_, id) => [`c${id}`, { region: `r${id % 2}` }]));
const edit = delta<number, Order>([
  { key: 1, old: { customer: 'c1', amount: 0.1, open: true }, new: { customer: 'c2', amount: 7, open: true } },
]);

test('filter, join and grouped sum are one pipeline, or three that follow each other', () => {
  const whole = pipeline({ orders: keyedInput<number, Order>(), customers: keyedInput<string, Customer>() }, (from) =>
    from.orders
      .filter(({ open }) => open)
      .join(from.customers, { ...joined, combine: sale })
      .groupBy(({ region }) => region)
      .aggregate(sum(({ amount }) => amount)),
  );
  const first = pipeline({ orders: keyedInput<number, Order>() }, (from) => from.orders.filter(({ open }) => open));
  const second = pipeline({ orders: keyedInput<number, Order>(), customers: keyedInput<string, Customer>() }, (from) =>
    from.orders.join(from.customers, { ...joined, combine: sale }),
  );
  const third = pipeline({ sales: keyedInput<string, Sale>() }, ({ sales }) =>
    sales.groupBy(({ region }) => region).aggregate(sum(({ amount }) => amount)),
  );

  const one = whole.start({ orders, customers });
  const open = first.start({ orders });
  const sales = second.start({ orders: open.output, customers });
  const sums = third.start({ sales: sales.output });
  expectSame(sums.output, one.output);
  expect([...one.output.keys()]).toEqual(['r0', 'r1']);

  const changed = whole.step(one.state, { orders: edit });
  const openChange = first.step(open.state, { orders: edit });
  const saleChange = second.step(sales.state, { orders: openChange.delta });
  const sumChange = third.step(sums.state, { sales: saleChange.delta });
  expect(sumChange.delta.changes).toEqual(changed.delta.changes);
  expect(changed.delta.size).toBe(2);
});

test('an operator whose inputs did not change is not run, and keeps its state', () => {
  const compute = vi.fn<(all: Rows) => Iterable<readonly [Key, Row]>>((all) => all);
  const two = pipeline(ports, ({ a, b }) =>
    a.join(b.computeAll(compute), { left: ({ to }) => to, right: (_, key) => key, combine: (x) => x }),
  );
  const { state } = two.start({ a: emptyKeyed(), b: emptyKeyed() });
  expect(compute).toHaveBeenCalledTimes(1);
  const next = two.step(state, { a: delta<Key, Row>([{ key: 1, new: { to: 1, n: 1 } }]) });
  expect(compute).toHaveBeenCalledTimes(1);
  expect(next.state.stages.filter((each, at) => each !== state.stages[at])).toHaveLength(1);
  expect(two.step(next.state, {}).delta.size).toBe(0);
});

test('an operator that nothing reads is not run', () => {
  const keep = vi.fn<(each: Row) => boolean>(() => true);
  const one = pipeline({ a: keyedInput<Key, Row>() }, ({ a }) => {
    a.filter(keep).filter(keep);
    return a;
  });
  const { output } = one.start({ a: keyed<Key, Row>([[1, { to: 1, n: 1 }]]) });
  expect(output.size).toBe(1);
  expect(keep).not.toHaveBeenCalled();
});

test('after a step that failed, the state before it is as good as it was', () => {
  let isBroken = false;
  const fragile = pipeline(ports, ({ a, b }) =>
    a.join(b, {
      left: ({ to }) => to,
      right: (_, key) => key,
      combine: (x, y) => {
        if (isBroken) throw new Error('broken');
        return { to: x.to, n: x.n + y.n };
      },
    }),
  );
  const start: Tables = { a: keyed<Key, Row>([[1, { to: 1, n: 1 }]]), b: keyed<Key, Row>([[1, { to: 1, n: 2 }]]) };
  const { state, output } = fragile.start(start);
  const change = { a: delta<Key, Row>([{ key: 2, new: { to: 1, n: 3 } }]) };
  isBroken = true;
  expect(() => fragile.step(state, change)).toThrow('broken');
  isBroken = false;
  const { delta: made } = fragile.step(state, change);
  expectSame(output.apply(made), fragile.full({ a: start.a.apply(change.a), b: start.b }));
});

test('everything that comes out is frozen', () => {
  const one = pipeline({ a: keyedInput<Key, Row>() }, ({ a }) => a.map(({ n }) => ({ deep: [n] })));
  const { state, output } = one.start({ a: keyed<Key, Row>([[1, { to: 1, n: 1 }]]) });
  expect(Object.isFrozen(output.get(1)?.deep)).toBe(true);
  const { changes: made } = one.step(state, { a: delta<Key, Row>([{ key: 1, old: { to: 1, n: 1 }, new: { to: 1, n: 2 } }]) }).delta;
  expect(made).toEqual([{ key: 1, old: { deep: [1] }, new: { deep: [2] } }]);
  for (const each of made) expect(Object.isFrozen(each.old?.deep) && Object.isFrozen(each.new?.deep)).toBe(true);
});

test('rows that are kept on the way are frozen too: a function that changes one fails', () => {
  const one = pipeline({ a: keyedInput<Key, Row>() }, ({ a }) =>
    a
      .map(({ n }) => ({ deep: [n] }))
      .groupBy(() => 1)
      .compute((group) => [...group.values()].map(({ deep }) => deep.push(1))),
  );
  expect(() => one.start({ a: keyed<Key, Row>([[1, { to: 1, n: 1 }]]) })).toThrow(TypeError);
});

test('what a function gives that cannot be kept is refused where it is kept', () => {
  const one = pipeline({ a: keyedInput<Key, Row>() }, ({ a }) => a.map(() => ({ when: () => 1 })));
  const a = keyed<Key, Row>([[1, { to: 1, n: 1 }]]);
  const refused = expect.objectContaining({
    code: 'ROW_NOT_STORABLE',
    message: expect.stringContaining('what is at $.when is a function'),
  });
  expect(() => one.start({ a })).toThrow(refused);
  expect(() => one.full({ a })).toThrow(refused);
});

describe('a pipeline refuses', () => {
  test('rows of another pipeline', () => {
    let stranger: RowFlow | undefined;
    pipeline(ports, ({ a }) => (stranger = a));
    const other = stranger;
    if (other === undefined) throw new Error('there is no flow');
    expect(() => pipeline(ports, () => other)).toThrow(
      'A pipeline uses rows of another one. Add them to its inputs, and pass them in by name.',
    );
    expect(() => pipeline(ports, ({ a }) => a.join(other, { left: () => 1, right: () => 1, combine: (x) => x }))).toThrow(
      expect.objectContaining({ code: 'FLOW_MISUSED' }),
    );
  });

  test('inputs that are missing, and changes of inputs that there are not', () => {
    const two = pipeline(ports, ({ a, b }) => a.join(b, { left: ({ to }) => to, right: (_, key) => key, combine: (x) => x }));
    const none: Rows = emptyKeyed();
    // @ts-expect-error an input is missing
    expect(() => two.start({ a: none })).toThrow('The pipeline needs input "b", which was not given.');
    // @ts-expect-error an input is missing
    expect(() => two.full({ a: none })).toThrow('The pipeline needs input "b", which was not given.');
    const { state } = two.start({ a: none, b: none });
    const change: Delta<Key, Row> = delta<Key, Row>([]);
    // @ts-expect-error there is no such input
    expect(() => two.step(state, { c: change })).toThrow('The pipeline has no input "c". It has "a", "b".');
  });
});
