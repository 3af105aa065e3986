import { describe, expectTypeOf, test } from 'vitest';
import { graph, input, list, nothing, op, optional, output, resource, runGraph } from '../../index.ts';

const db = resource<string>('db');
const add = op({ name: 'add', inputs: { x: input<number>(), y: input<number>() }, run: ({ x, y }) => x + y });
const pair = op({ name: 'pair', outputs: { left: output<number>(), right: optional<string>() }, run: () => ({ left: 1 }) });

const single = graph('single', { inputs: { x: input<number>() } }, ({ x }) => add({ x, y: x }));
const none = graph('none', () => pair());
const wide = graph(
  'wide',
  { inputs: { x: input<number>(), xs: list<string>(), maybe: input<Date>({ optional: true }), before: nothing() } },
  ({ x, xs, maybe, before }) => ({
    sum: add({ x, y: x }),
    sees: op({
      name: 'sees',
      inputs: { xs: list<string>(), maybe: input<Date>({ optional: true }), before: nothing() },
      run: (inputs) => inputs.xs.join(),
    })({ xs, maybe, before }),
  }),
);
const optionalOnly = graph('optional', { inputs: { maybe: input<number>({ optional: true }) } }, ({ maybe }) =>
  op({ name: 'sees', inputs: { maybe: input<number>({ optional: true }) }, run: (inputs) => inputs.maybe ?? 0 })({ maybe }),
);

describe('what runGraph gives', () => {
  test('the value of the one output, which may be missing', () => {
    expectTypeOf(runGraph(single, { x: 1 })).toEqualTypeOf<Promise<number | undefined>>();
  });

  test('a record of the outputs, each of which may be missing', () => {
    expectTypeOf(runGraph(none)).toEqualTypeOf<Promise<{ readonly left?: number; readonly right?: string }>>();
    expectTypeOf(runGraph(wide, { x: 1, xs: [] })).toEqualTypeOf<Promise<{ readonly sum?: number; readonly sees?: string }>>();
  });
});

describe('inputs', () => {
  test('are values, and an array a list; optional ones may be left out, all of them where none is required', () => {
    void runGraph(wide, { x: 1, xs: ['a'], maybe: new Date() });
    void runGraph(none, {});
    void runGraph(none, undefined, { select: ['left'] });
    void runGraph(optionalOnly);
    void runGraph(optionalOnly, { maybe: 1 });
    void runGraph(optionalOnly, {}, {});
  });

  test('cannot be left out where one is required', () => {
    // @ts-expect-error no inputs
    void runGraph(single);
    // @ts-expect-error no "x"
    void runGraph(single, {});
    // @ts-expect-error no "xs"
    void runGraph(wide, { x: 1 });
    // @ts-expect-error options are no inputs
    void runGraph(single, undefined, { select: [] });
  });

  test('fit their types and names', () => {
    // @ts-expect-error "x" is a number
    void runGraph(single, { x: '1' });
    // @ts-expect-error an array of entries, not one of them
    void runGraph(wide, { x: 1, xs: 'a' });
    // @ts-expect-error no such input
    void runGraph(single, { x: 1, y: 1 });
    // @ts-expect-error order alone is not fed
    void runGraph(wide, { x: 1, xs: [], before: 1 });
  });
});

describe('options', () => {
  test('select knows the outputs of the graph alone', () => {
    void runGraph(wide, { x: 1, xs: [] }, { select: ['sum', 'sees'] });
    void runGraph(single, { x: 1 }, { select: ['result'] });
    // @ts-expect-error no such output
    void runGraph(wide, { x: 1, xs: [] }, { select: ['sun'] });
    // @ts-expect-error no such output
    void runGraph(single, { x: 1 }, { select: ['single'] });
  });

  test('resources are provisions, config is by name, pools have sizes', () => {
    void runGraph(none, {}, { resources: [db.value('rows')], config: { ops: { pair: 1 }, steps: { pair: 1 } }, pools: { api: 1 } });
    // @ts-expect-error a resource says nothing of where it comes from
    void runGraph(none, {}, { resources: [db] });
    // @ts-expect-error values by name are for testOp
    void runGraph(none, {}, { resources: { db: 'rows' } });
    // @ts-expect-error ops, graphs or steps
    void runGraph(none, {}, { config: { pair: 1 } });
    // @ts-expect-error a size is a number
    void runGraph(none, {}, { pools: { api: '1' } });
  });

  test('those of a run are none of these', () => {
    // @ts-expect-error nothing is recorded
    void runGraph(none, {}, { store: undefined });
    // @ts-expect-error nothing is recorded, so there is nothing to call hooks for
    void runGraph(none, {}, { hooks: {} });
  });
});

test('an op is no graph', () => {
  // @ts-expect-error testOp is for ops
  void runGraph(add, { x: 1, y: 1 });
});
