import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  materialize,
  op,
  optional,
  output,
  refresh,
  source,
  type Definitions,
  type Handle,
  type Schema,
  type Store,
} from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { losingStore } from '../kit/losing-store.ts';

/** The steps whose bodies a refresh called. */
async function ranBy(
  defs: Definitions,
  store: Store,
  options: { readonly sources?: Record<string, unknown>; readonly select?: string[]; readonly config?: object } = {},
): Promise<readonly string[]> {
  const ran: string[] = [];
  await refresh(defs, {
    store,
    throwOnFailure: false,
    ...options,
    onEvent: (event) => event.type === 'step-started' && ran.push(event.step),
  });
  return ran;
}

// Random histories come here too, and too rarely to count on it.
describe('corners of the rules of freshness', () => {
  test('F1 rewired: an equal value of another output is another input', async () => {
    const one = op({ name: 'one', codeVersion: '1', run: () => 1 });
    const uno = op({ name: 'uno', codeVersion: '1', run: () => 1 });
    const reader = op({ name: 'reader', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x });
    const wiredTo = (maker: typeof one): Definitions => define({ assets: [assetsFromGraph(graph('read', () => reader({ x: maker() })))] });
    const store = memoryStore();
    expect(await ranBy(wiredTo(one), store)).toEqual(['one', 'reader']);
    expect(await ranBy(wiredTo(uno), store)).toEqual(['uno', 'reader']);
    expect(await ranBy(wiredTo(uno), store)).toEqual([]);
  });

  test('F1 config: a step whose config is another runs, and one that reads of it only where it gives something else', async () => {
    const anyNumber: Schema<number> = { '~standard': { version: 1, vendor: 'spec', validate: (value) => ({ value: Number(value) }) } };
    const half = op({ name: 'half', codeVersion: '1', config: anyNumber, run: (_, { config }) => Math.floor(config / 2) });
    const reader = op({ name: 'reader', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x });
    const defs = define({ assets: [assetsFromGraph(graph('read', () => reader({ x: half() })))] });
    const store = memoryStore();
    const ran: (readonly string[])[] = [];
    for (const half of [2, 2, 3, 4]) ran.push(await ranBy(defs, store, { config: { ops: { half } } }));
    expect(ran).toEqual([['half', 'reader'], [], ['half'], ['half', 'reader']]);
  });

  test('F1 a failure erases nothing: what a step gave before it failed is used again when its inputs are back', async () => {
    const careful = asset({
      key: 'careful',
      codeVersion: '1',
      inputs: { x: input<number>() },
      run: ({ x }) => {
        if (x === 2) throw new Error('two is too much');
        return x;
      },
    });
    const defs = define({ assets: [source<number>('x'), careful] });
    const store = memoryStore();
    const runs: (readonly string[])[] = [];
    for (const x of [1, 2, 1]) runs.push(await ranBy(defs, store, { sources: { x } }));
    expect(runs).toEqual([['careful'], ['careful'], []]);
  });

  test('D8 together: an output is never used beside one of another execution', async () => {
    let executions = 0;
    const pair = op({
      name: 'pair',
      codeVersion: '1',
      outputsTogether: true,
      outputs: { left: output<number>(), right: output<number>() },
      run: () => {
        executions += 1;
        return { left: executions, right: executions };
      },
    });
    const defs = define({
      assets: [
        assetsFromGraph(
          graph('pairs', () => ({ ...pair() })),
          { canSubset: true },
        ),
      ],
    });
    const store = memoryStore();
    await refresh(defs, { store });
    await materialize(defs, { store, select: ['left'] });
    const both = await refresh(defs, { store });
    expect(await both.value('right')).toBe(await both.value('left'));
  });

  test('F2 lost: an asset that was used, never recorded, and is gone is made again when it is selected', async () => {
    const made = op({ name: 'made', codeVersion: '1', run: () => 'a value of its own' });
    const reader = op({ name: 'reader', codeVersion: '1', inputs: { x: input<string>() }, run: ({ x }) => x.length });
    const both = graph('both', () => {
      const x = made();
      return { made: x, read: reader({ x }) };
    });
    const defs = define({ assets: [assetsFromGraph(both, { canSubset: true })] });
    const losing = losingStore();
    await refresh(defs, { store: losing.store, select: ['read'] });
    losing.lose('a value of its own');
    expect(await ranBy(defs, losing.store, { select: ['made'] })).toEqual(['made']);
    expect(await losing.store.latest('made')).toMatchObject({ type: 'asset-materialized' });
  });
});

describe('corners of the order', () => {
  test('X1 a chain of any length takes no stack, also where no turn of the event loop comes between', async () => {
    const zero = op({ name: 'zero', run: () => 0 });
    const next = op({ name: 'next', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });
    const chain = graph('chain', () => {
      let handle: Handle<number> = zero();
      for (let index = 0; index < 10_000; index += 1) handle = next.as(`n${index}`)({ x: handle });
      return { end: handle };
    });
    const clock = { now: () => 0, timer: () => () => undefined, random: () => 0.5 };
    const result = await materialize(define({ assets: [assetsFromGraph(chain)] }), { clock });
    expect(result.value('end')).toBe(10_000);
  });

  test('X2 before X3: a step with one input absent and another one failed is blocked, in whichever order they are wired', async () => {
    const none = op({ name: 'none', outputs: { it: optional<number>() }, run: () => ({}) });
    const fails = op({
      name: 'fails',
      run: (): number => {
        throw new Error('broken');
      },
    });
    const inputs = { a: input<number>(), b: input<number>() };
    const reader = op({ name: 'reader', inputs, run: ({ a, b }) => a + b });
    const read = graph('read', () => {
      const [absent, failed] = [none().it, fails()];
      return { absent_first: reader({ a: absent, b: failed }), failed_first: reader.as('other')({ a: failed, b: absent }) };
    });
    const result = await materialize(define({ assets: [assetsFromGraph(read)] }), { throwOnFailure: false });
    expect(Object.fromEntries(result.outcomes)).toEqual({ absent_first: 'blocked', failed_first: 'blocked' });
  });
});
