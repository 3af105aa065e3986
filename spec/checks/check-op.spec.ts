import fc from 'fast-check';
import { map, of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { define, emit, graph, input, list, nothing, op, optional, output, resource } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { createStore } from '../../lib/events/store.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { checkGraph, checkOp, checkStore, checkSubsets, history, world, worldCase, worldHistory, type CheckReport } from '../kit/index.ts';

const rates = resource<number>('rates');
const inputs = { first: input<number>(), more: list<number>(), maybe: input<number>({ optional: true }), after: nothing() };

function sum(isWrong: boolean): typeof right {
  return op({
    name: 'sum',
    inputs,
    outputs: { total: output<number>(), largest: optional<number>() },
    resources: { rates },
    run: ({ first, more, maybe = 0 }, { selectedOutputs, resources }) => {
      const all = [first, ...more, maybe];
      const total = all.reduce((a, b) => a + b, 0) * resources.rates;
      return { total: isWrong && more.length > 1 && !selectedOutputs.has('largest') ? 0 : total, largest: Math.max(...all) };
    },
  });
}
const right = op({
  name: 'sum',
  inputs,
  outputs: { total: output<number>(), largest: optional<number>() },
  resources: { rates },
  run: () => ({ total: 0 }),
});

const one = op({ name: 'one', run: () => 1 });

const samples = fc.record(
  { first: fc.integer({ min: 1, max: 9 }), more: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }), maybe: fc.nat({ max: 3 }) },
  { requiredKeys: ['first', 'more'] },
);

test('checkOp checks one op: inputs of every kind, lists of any length, resources', async () => {
  const report = await checkOp(sum(false), { inputs: samples, resources: [rates.value(2)], seed: 1, cases: 60 });
  expect([report.selections, report.cases]).toEqual([3, 60]);
  await expect(checkOp(sum(true), { inputs: samples, resources: [rates.value(2)], seed: 1 })).rejects.toMatchObject({
    code: 'CHECK_FAILED',
    details: { check: 'together', select: ['total'], inputs: { 'in/first': 1, 'in/more/0': 1, 'in/more/1': 1 } },
  });
});

test('checkGraph checks a graph that backs no asset yet', async () => {
  const summed = (isWrong: boolean): ReturnType<typeof placed> => placed(sum(isWrong));
  const given = { inputs: [{ xs: [1, 2, 3] }, { xs: [4, 5] }], resources: [rates.value(2)], cases: 30 };
  await expect(checkGraph(summed(false), given)).resolves.toMatchObject({ selections: 3 });
  await expect(checkGraph(summed(true), given)).rejects.toMatchObject({ details: { check: 'together', select: ['total'] } });
});

function placed(of: typeof right) {
  return graph('summed', { inputs: { xs: list<number>() } }, ({ xs }) => of({ first: one(), more: xs, after: one() }));
}

test('checkStore gives the whole contract to a store, and names the promises that it breaks', async () => {
  const report = await checkStore({
    label: 'memory',
    open: async () => {
      const store = memoryStore();
      return { store, dispose: () => store.close() };
    },
    reopens: false,
  });
  expect(String(report)).toBe(`checkStore: memory keeps all ${report.checks} promises of a store`);
  const forgetful = checkStore({
    label: 'forgetful',
    open: async () => {
      const port = memoryPort();
      const values = port.values.bind(port);
      port.values = async (addresses) => (await values(addresses)).map((bytes, index) => (index > 0 ? undefined : bytes));
      const store = createStore(port, { now: () => 0 });
      return { store, dispose: () => store.close() };
    },
    reopens: false,
  });
  await expect(forgetful).rejects.toThrow(
    /^checkStore: \d+ of \d+ promises of a store are broken\. Mend the first one first\.\n {2}forgetful /,
  );
});

describe('bodies of every form do the same in any order', () => {
  const outputs = { a: output<number>(), b: optional<number>() };
  const inputs = { x: input<number>() };
  const given = { inputs: [{ x: 1 }, { x: 2 }], cases: 24, seed: 4 };
  const checks: Readonly<Record<string, () => Promise<CheckReport>>> = {
    record: () => checkOp(op({ name: 'record', inputs, outputs, run: ({ x }) => ({ a: x, b: x + 1 }) }), given),
    promise: () => checkOp(op({ name: 'promise', inputs, outputs, run: async ({ x }) => ({ a: x }) }), given),
    generator: () =>
      checkOp(
        op({
          name: 'generator',
          inputs,
          outputs,
          *run({ x }) {
            yield emit('a', x);
            yield emit('b', x);
          },
        }),
        given,
      ),
    'async generator': () =>
      checkOp(
        op({
          name: 'async_generator',
          inputs,
          outputs,
          async *run({ x }) {
            yield emit('a', x);
          },
        }),
        given,
      ),
    observable: () => checkOp(op({ name: 'observable', inputs, outputs, run: ({ x }) => of(emit('a', x), emit('b', x)) }), given),
    operator: () =>
      checkOp(op({ name: 'operator', inputs, outputs, operator: (frames) => frames.pipe(map(({ x }) => emit('a', x))) }), given),
    'plain value': () => checkOp(op({ name: 'plain', inputs, run: ({ x }) => x }), given),
    'plain promise': () => checkOp(op({ name: 'plain', inputs, run: async ({ x }) => x }), given),
    'plain operator': () => checkOp(op({ name: 'plain', inputs, operator: (frames) => frames.pipe(map(({ x }) => x)) }), given),
    'nothing at all': () => checkOp(op({ name: 'plain', inputs, run: () => undefined }), given),
  };

  test.each(Object.entries(checks))('%s', async (_, check) => {
    expect((await check()).checks.get('order')).toBeGreaterThan(2);
  });
});

describe('what cannot be checked', () => {
  test.each([
    ['checkSubsets', checkSubsets as never, /^checkSubsets\(\) takes definitions first/],
    ['checkOp', checkOp as never, /^checkOp\(\) takes an op first/],
    ['checkGraph', checkGraph as never, /^checkGraph\(\) takes a graph first/],
    ['checkStore', checkStore as never, /^storeContract\(\) (needs to know|takes its options)/],
  ] as readonly (readonly [string, (given: unknown) => Promise<unknown>, RegExp])[])('is refused by %s', async (_, check, message) => {
    for (const bad of [{}, undefined, 'x', []]) {
      const checked = Promise.resolve().then(() => check(bad));
      await expect(checked).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(message) as string });
    }
  });

  test.each([
    ['world', () => world({ maxSteps: 0 }), 'Give a whole number from 1.'],
    ['worldCase', () => worldCase({ maxRuns: 0 }), 'Give a whole number from 1.'],
    ['worldCase', () => worldCase({ maxStep: 1 } as never), 'Did you mean "maxSteps"?'],
    ['worldCase', () => worldCase({ policies: { unselectedOutputs: [] } }), 'Give lists of at least one.'],
    ['world', () => world({ behaviours: ['none'] as never }), 'Give a list of at least one of'],
    ['world', () => world({ holds: 2 }), 'Give a number from 0 to 1.'],
    ['worldHistory', () => worldHistory({ actions: [] }), 'Give a list of at least one of'],
    ['history', () => history({} as never), 'history() takes definitions first'],
    ['history', () => history(define({ assets: [] }), { sources: { x: 1 } as never }), 'Give an arbitrary for each source'],
  ])('%s of what would make nothing is refused (%#)', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
