import { type } from 'arktype';
import { map, of } from 'rxjs';
import * as v from 'valibot';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { asset, assetsFromGraph, define, emit, graph, input, list, materialize, op, optional, output, testOp } from '../../index.ts';
import type { Handle, SingleOp } from '../../index.ts';

/** Takes text, makes a date: both sides differ. */
const date = z.string().transform((text) => new Date(text));
const dates = {
  zod: date,
  valibot: v.pipe(
    v.string(),
    v.transform((text) => new Date(text)),
  ),
  arktype: type('string').pipe((text) => new Date(text)),
};

const text = op({ name: 'text', run: () => '2026-01-12' });
const now = op({ name: 'now', run: () => new Date(0) });
const two = op({ name: 'two', run: () => 2 });

describe('the body of an op', () => {
  test('gets what the schemas of its inputs make, from every library', () => {
    op({
      name: 'reads',
      inputs: {
        one: input(dates.zod),
        many: list(dates.valibot),
        some: input(dates.arktype, { optional: true }),
        lists: list(dates.zod, { optional: true }),
        plain: input<number>(),
      },
      run: (inputs) => {
        expectTypeOf(inputs).toEqualTypeOf<{
          readonly one: Date;
          readonly many: readonly Date[];
          readonly some: Date | undefined;
          readonly lists: readonly Date[];
          readonly plain: number;
        }>();
        return inputs.plain;
      },
    });
    op({
      name: 'operator',
      inputs: { one: input(date) },
      operator: (frames) =>
        frames.pipe(
          map((frame) => {
            expectTypeOf(frame).toEqualTypeOf<{ readonly one: Date }>();
            return frame.one;
          }),
        ),
    });
  });

  test('gives what the schema of its result takes, in every form', () => {
    op({ name: 'a', result: date, run: () => 'text' });
    op({ name: 'a', result: date, run: async () => 'text' });
    op({ name: 'a', result: date, operator: () => of('text') });
    asset({ key: 'a', result: date, run: () => 'text' });
    asset({ key: 'a', result: date, operator: () => of('text') });
    // @ts-expect-error the schema takes text, and makes a date of it
    op({ name: 'a', result: date, run: () => new Date() });
    // @ts-expect-error also as a promise
    op({ name: 'a', result: date, run: async () => new Date() });
    // @ts-expect-error also in an operator
    op({ name: 'a', result: date, operator: () => of(new Date()) });
    // @ts-expect-error also in an asset
    asset({ key: 'a', result: date, run: () => 5 });
    // @ts-expect-error a schema of the result, or declared outputs with theirs
    op({ name: 'a', result: date, outputs: { a: output<string>() }, run: () => ({ a: '' }) });
    // @ts-expect-error a type is no schema
    op({ name: 'a', result: Date, run: () => 'text' });
  });

  test('gives what the schemas of its outputs take: in records and with emit', () => {
    const outputs = { at: output(date), n: optional(z.number().transform(String)), plain: optional<boolean>() };
    op({ name: 'a', outputs, run: () => ({ at: 'text', n: 5, plain: true }) });
    op({ name: 'a', outputs, run: async () => ({ at: 'text' }) });
    op({ name: 'a', outputs, run: () => of(emit('at', 'text'), emit('n', 5)) });
    op({ name: 'a', outputs, operator: (frames) => frames.pipe(map(() => emit('at', 'text'))) });
    op({
      name: 'a',
      outputs,
      *run() {
        yield emit('at', 'text', { version: 'v' });
        yield emit('n', 5);
        yield emit('plain', true);
      },
    });
    op({
      name: 'a',
      outputs,
      async *run() {
        yield emit('at', await Promise.resolve('text'));
      },
    });
    // @ts-expect-error what the schema makes is not what it takes
    op({ name: 'a', outputs, run: () => ({ at: new Date() }) });
    // @ts-expect-error an optional output is checked as well
    op({ name: 'a', outputs, run: () => ({ at: 'text', n: '5' }) });
    // @ts-expect-error the required one is missing
    op({ name: 'a', outputs, run: () => ({ n: 5 }) });
    // @ts-expect-error in emissions too
    op({ name: 'a', outputs, run: () => of(emit('at', new Date())) });
    op({
      name: 'a',
      outputs,
      // @ts-expect-error in generators too
      *run() {
        yield emit('at', new Date());
      },
    });
    op({
      name: 'a',
      outputs,
      // @ts-expect-error in async generators too
      async *run() {
        yield emit('at', await Promise.resolve(new Date()));
      },
    });
  });

  test('names its own outputs in annotate, with options that there are', () => {
    op({
      name: 'a',
      outputs: { at: output(date) },
      run: (_, { annotate }) => {
        annotate('at', { metadata: { rows: 1 }, version: 'v' });
        // @ts-expect-error no such output
        annotate('ta', {});
        // @ts-expect-error a version is text
        annotate('at', { version: 5 });
        // @ts-expect-error no such option
        annotate('at', { meta: {} });
        return { at: 'text' };
      },
    });
    op({ name: 'a', run: (_, { annotate }) => annotate('result', { metadata: {} }) });
    // @ts-expect-error the one output is called "result"
    op({ name: 'a', run: (_, { annotate }) => annotate('a', {}) });
  });

  test('logs messages with any data', () => {
    op({
      name: 'a',
      run: (_, { log: { debug, info, warn, error } }) => {
        debug('a');
        info('b', { n: 1 });
        warn('c', undefined);
        // @ts-expect-error a message is text
        error(new Error('x'));
        return 1;
      },
    });
  });
});

describe('wiring', () => {
  test('compares what the producer makes with what the reader takes', () => {
    const made = op({ name: 'made', result: date, run: () => 'text' });
    const outs = op({ name: 'outs', outputs: { at: output(date), n: optional(z.coerce.number()) }, run: () => ({ at: 'text' }) });
    const readsText = op({ name: 'reads_text', inputs: { x: input(date) }, run: ({ x }) => x });
    const readsDates = op({ name: 'reads_dates', inputs: { xs: list(z.date().transform(Number)) }, run: ({ xs }) => xs });
    graph('g', () => {
      expectTypeOf(made()).toEqualTypeOf<Handle<Date>>();
      expectTypeOf(outs()).toEqualTypeOf<{ readonly at: Handle<Date>; readonly n: Handle<number> }>();
      expectTypeOf(readsDates({ xs: [made(), outs().at, now()] })).toEqualTypeOf<Handle<readonly number[]>>();
      readsText({ x: text() });
      // @ts-expect-error a date by then: the reader's schema takes text
      readsText({ x: made() });
      // @ts-expect-error the same for one of several outputs
      readsText({ x: outs().at });
      // @ts-expect-error one entry of a fan-in
      readsDates({ xs: [now(), text()] });
      // @ts-expect-error a number is no text
      readsText({ x: two() });
      return text();
    });
  });

  test('of definitions compares them too', () => {
    const up = asset({ key: 'up', result: date, run: () => 'text' });
    define({ assets: [up, asset({ key: 'down', inputs: { up: input(z.date()) }, run: ({ up: at }) => at.getTime() })] });
    // @ts-expect-error up is a date, and is read as text
    define({ assets: [up, asset({ key: 'down', inputs: { up: input(date) }, run: ({ up: at }) => at.getTime() })] });
  });

  test('an op says what its schemas made', () => {
    const made = op({ name: 'made', result: date, run: () => 'text' });
    expectTypeOf(made).toExtend<SingleOp<Readonly<Record<never, never>>, Date>>();
  });
});

describe('values', () => {
  test('of a run are what the schemas of outputs make', async () => {
    const outs = op({
      name: 'outs',
      outputs: { at: output(date), n: optional(z.string().transform(Number)) },
      run: () => ({ at: 'text' }),
    });
    const made = graph('made', () => ({ ...outs(), raw: text() }));
    const defs = define({ assets: [assetsFromGraph(made), asset({ key: 'one', result: z.array(date), run: () => ['text'] })] });
    const result = await materialize(defs);
    expectTypeOf(result.value('at')).toEqualTypeOf<Date>();
    expectTypeOf(result.value('n')).toEqualTypeOf<number>();
    expectTypeOf(result.value('raw')).toEqualTypeOf<string>();
    expectTypeOf(result.value('one')).toEqualTypeOf<Date[]>();
  });

  test('of testOp are what they make, and it is fed what they take', async () => {
    const reads = op({ name: 'reads', inputs: { x: input(date), y: input(date, { optional: true }) }, result: date, run: () => 'text' });
    expectTypeOf(await testOp(reads, { inputs: { x: 'text' } })).toEqualTypeOf<Date>();
    // @ts-expect-error fed what the schema takes
    await testOp(reads, { inputs: { x: new Date() } });
    // @ts-expect-error a required input
    await testOp(reads, { inputs: { y: 'text' } });
  });
});

describe('a port', () => {
  test('takes a schema first and options second', () => {
    input(date, { optional: true });
    output(date, { transient: true });
    // @ts-expect-error no such option of an input
    input(date, { transient: true });
    // @ts-expect-error no such option of an output
    output(date, { optional: true });
    // @ts-expect-error options go last
    input({ optional: true }, date);
    // @ts-expect-error a constructor is no schema
    input(Date);
  });
});
