import { describe, expectTypeOf, test } from 'vitest';
import { input, list, nothing, op, optional, output, resource, testOp, type Schema } from '../../index.ts';

/** A schema that takes an `In` and makes an `Out` of it. */
type Makes<In, Out> = Schema & { readonly '~standard': { readonly types?: { readonly input: In; readonly output: Out } | undefined } };
declare const size: Makes<{ readonly n: number }, number>;
declare const asDate: Makes<string, Date>;

const db = resource<readonly number[]>('db');
const slack = resource<{ post(text: string): void }>('slack');

const plain = op({ name: 'plain', run: () => 1 });
const reads = op({
  name: 'reads',
  inputs: {
    x: input<number>(),
    xs: list<string>(),
    maybe: input<Date>({ optional: true }),
    some: list<number>({ optional: true }),
    before: nothing(),
  },
  run: ({ x }) => x,
});
const allOptional = op({ name: 'all', inputs: { maybe: input<number>({ optional: true }), before: nothing() }, run: ({ maybe }) => maybe });
const pair = op({ name: 'pair', outputs: { left: output<number>(), right: optional<string>() }, run: () => ({ left: 1 }) });
const needs = op({ name: 'needs', resources: { rows: db, slack }, run: (_, { resources }) => resources.rows.length });
const sized = op({ name: 'sized', config: size, run: (_, { config }) => config });
const checked = op({ name: 'checked', inputs: { at: input(asDate) }, result: asDate, run: ({ at }) => at.toISOString() });
const all = op({
  name: 'all',
  inputs: { x: input<number>() },
  config: size,
  resources: { rows: db },
  outputs: { y: output(asDate) },
  run: () => ({ y: '' }),
});

describe('what testOp gives', () => {
  test('the value of an op without outputs, awaited', () => {
    expectTypeOf(testOp(plain)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(testOp(op({ name: 'a', run: async () => 'x' }))).toEqualTypeOf<Promise<string>>();
    expectTypeOf(testOp(op({ name: 'a', run: () => undefined }))).toEqualTypeOf<Promise<undefined>>();
    expectTypeOf(testOp(sized)).toEqualTypeOf<Promise<number>>();
  });

  test('what the schema of the result makes of it', () => {
    expectTypeOf(testOp(checked, { inputs: { at: '2020-01-01' } })).toEqualTypeOf<Promise<Date>>();
  });

  test('a record of declared outputs, each of which may be missing', () => {
    expectTypeOf(testOp(pair)).toEqualTypeOf<Promise<{ readonly left?: number; readonly right?: string }>>();
    expectTypeOf(testOp(all, { inputs: { x: 1 }, resources: { rows: [] } })).toEqualTypeOf<Promise<{ readonly y?: Date }>>();
  });
});

describe('inputs', () => {
  test('are what the op declares: a value, an array a list, none for order alone; optional ones may be left out', () => {
    void testOp(reads, { inputs: { x: 1, xs: ['a'] } });
    void testOp(reads, { inputs: { x: 1, xs: [], maybe: undefined, some: [1] } });
    void testOp(allOptional);
    void testOp(allOptional, {});
    void testOp(allOptional, { inputs: { maybe: 1 } });
  });

  test('before any schema', () => {
    // @ts-expect-error the schema takes text, and makes the Date itself
    void testOp(checked, { inputs: { at: new Date() } });
  });

  test('cannot be left out where one is required', () => {
    // @ts-expect-error no options, and "inputs" is required
    void testOp(reads);
    // @ts-expect-error no "inputs"
    void testOp(reads, {});
    // @ts-expect-error no "xs"
    void testOp(reads, { inputs: { x: 1 } });
  });

  test('fit their types and names', () => {
    // @ts-expect-error "x" is a number
    void testOp(reads, { inputs: { x: '1', xs: [] } });
    // @ts-expect-error "xs" is a list of text
    void testOp(reads, { inputs: { x: 1, xs: 'a' } });
    // @ts-expect-error no such input
    void testOp(reads, { inputs: { x: 1, xs: [], y: 2 } });
    // @ts-expect-error order alone is not fed
    void testOp(reads, { inputs: { x: 1, xs: [], before: 1 } });
  });
});

describe('resources', () => {
  test("are values, by the op's own names", () => {
    void testOp(needs, { resources: { rows: [1], slack: { post: () => undefined } } });
    void testOp(plain, { resources: {} });
  });

  test('cannot be left out where the op needs some', () => {
    // @ts-expect-error no options, and "resources" is required
    void testOp(needs);
    // @ts-expect-error no "slack"
    void testOp(needs, { resources: { rows: [1] } });
    // @ts-expect-error no "resources"
    void testOp(all, { inputs: { x: 1 } });
    // @ts-expect-error no "inputs"
    void testOp(all, { resources: { rows: [] } });
  });

  test('fit their types and names', () => {
    // @ts-expect-error rows of text
    void testOp(needs, { resources: { rows: ['1'], slack: { post: () => undefined } } });
    // @ts-expect-error the name of the resource is not what the op calls it
    void testOp(needs, { resources: { rows: [], slack: { post: () => undefined }, db: [] } });
    // @ts-expect-error a value, and no provision
    void testOp(needs, { resources: { rows: db.value([1]), slack: { post: () => undefined } } });
  });
});

describe('config', () => {
  test("is what the op's schema takes, and may be left to its default", () => {
    void testOp(sized);
    void testOp(sized, { config: { n: 1 } });
    // @ts-expect-error text for a number
    void testOp(sized, { config: { n: '1' } });
    // @ts-expect-error what the schema makes, not what it takes
    void testOp(sized, { config: 1 });
  });

  test('is none for an op without', () => {
    // @ts-expect-error the op takes none
    void testOp(plain, { config: 1 });
  });
});

describe('select', () => {
  test('knows the outputs of the op alone', () => {
    void testOp(pair, { select: ['left'] });
    void testOp(pair, { select: [] });
    void testOp(plain, { select: ['result'] });
    void testOp(op({ name: 'a', outputs: { result: output<number>(), other: optional<number>() }, run: () => ({ result: 1 }) }), {
      select: ['other'],
    });
    // @ts-expect-error an op without declared outputs has "result" alone
    void testOp(plain, { select: ['plain'] });
    // @ts-expect-error no such output
    void testOp(pair, { select: ['lift'] });
    // @ts-expect-error a list
    void testOp(pair, { select: 'left' });
  });
});

test('listeners are told what they may read', () => {
  void testOp(pair, {
    onEvent: (event) => {
      expectTypeOf(event.type).toEqualTypeOf<'step-started' | 'step-retrying' | 'output-discarded' | 'log-line'>();
      expectTypeOf(event.step).toEqualTypeOf<string>();
    },
    onEmission: (emission) => {
      expectTypeOf(emission.output).toEqualTypeOf<string>();
      expectTypeOf(emission.value).toEqualTypeOf<unknown>();
      expectTypeOf(emission.metadata).toEqualTypeOf<Readonly<Record<string, unknown>>>();
      expectTypeOf(emission.version).toEqualTypeOf<string | undefined>();
    },
  });
});

test('options of a run are none of a test', () => {
  // @ts-expect-error nothing is recorded
  void testOp(plain, { store: undefined });
  // @ts-expect-error misspelt
  void testOp(reads, { inputs: { x: 1, xs: [] }, selects: [] });
  // @ts-expect-error no op
  void testOp({ kind: 'op' });
});
