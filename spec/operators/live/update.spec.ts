import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, live, op, source } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { casesOf } from '../../laws/incremental-play.ts';
import { ready } from '../rig/deferred.ts';

const KEYS = ['a', 'b', 'c', 'd'] as const;
type Key = (typeof KEYS)[number];

/** What each asset is made of. Many values of `x` and `y` come to the same. */
const RULES: Readonly<Record<Key, { readonly of: readonly string[]; readonly make: (...of: readonly number[]) => number }>> = {
  a: { of: ['x'], make: (x = 0) => x % 3 },
  b: { of: ['a'], make: (a = 0) => a + 1 },
  c: { of: ['a', 'y'], make: (a = 0, y = 0) => 10 * a + (y % 2) },
  d: { of: ['b', 'c'], make: (b = 0, c = 0) => b + c },
};

function diamond(ran: string[]) {
  const [n, m] = [input<number>(), input<number>()];
  const one = (name: 'a' | 'b') =>
    op({ name, codeVersion: '1', inputs: { n }, run: (inputs) => (ran.push(`${name} ${inputs.n}`), RULES[name].make(inputs.n)) });
  const two = (name: 'c' | 'd') =>
    op({
      name,
      codeVersion: '1',
      inputs: { n, m },
      run: (inputs) => (ran.push(`${name} ${inputs.n} ${inputs.m}`), RULES[name].make(inputs.n, inputs.m)),
    });
  const body = graph('diamond', { inputs: { x: n, y: m } }, ({ x, y }) => {
    const a = one('a')({ n: x });
    const [b, c] = [one('b')({ n: a }), two('c')({ n: a, m: y })];
    return { a, b, c, d: two('d')({ n: b, m: c }) };
  });
  return define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body, { canSubset: true })] });
}

/** Everything that some assets are made of, in the order in which it is made; sources too. */
function needOf(keys: readonly string[]): readonly string[] {
  const need = new Set<string>();
  const visit = (key: string): void => {
    for (const each of KEYS.find((known) => known === key) === undefined ? [] : RULES[key as Key].of) visit(each); // It is one of them.
    need.add(key);
  };
  for (const key of keys) visit(key);
  return [...need];
}

/** What a service does that is asked for selections and given values, step by step. */
class Model {
  readonly ran: string[] = [];
  readonly sources = new Map<string, number>();
  /** Items that wait for the first epoch, which is later than whatever is put before it. */
  readonly waiting = new Map<string, number>();
  readonly values = new Map<string, number>();
  selected: readonly Key[];
  hasBegun = false;
  readonly #lastOf = new Map<string, string>();

  constructor(selected: readonly Key[]) {
    this.selected = selected;
    this.settle();
  }

  /** Sources that assets are made of and of which nothing has come. */
  missing(selected: readonly Key[], waiting: ReadonlyMap<string, number> = this.waiting): readonly string[] {
    return ['x', 'y'].filter((key) => needOf(selected).includes(key) && !this.sources.has(key) && !waiting.has(key));
  }

  settle(): void {
    // What is stored makes a first epoch by itself, and what waits the one behind it.
    if (this.missing(this.selected, new Map()).length === 0) this.#run();
    if (this.missing(this.selected).length > 0) return;
    for (const [key, value] of this.waiting) this.sources.set(key, value);
    this.waiting.clear();
    this.#run();
  }

  #run(): void {
    this.hasBegun = true;
    for (const key of KEYS) if (needOf(this.selected).includes(key)) this.#make(key);
  }

  #make(key: Key): void {
    const { of, make } = RULES[key];
    const inputs = of.map((each) => this.sources.get(each) ?? this.values.get(each) ?? Number.NaN);
    const line = [key, ...inputs].join(' ');
    if (this.#lastOf.get(key) === line) return;
    this.#lastOf.set(key, line);
    this.ran.push(line);
    this.values.set(key, make(...inputs));
  }
}

const selections = fc.subarray([...KEYS]);
const acts = fc.array(
  fc.oneof(
    fc.record({ push: fc.constantFrom('x', 'y'), value: fc.nat({ max: 8 }) }),
    fc.record({ update: selections }),
    fc.record({ put: fc.constantFrom('x', 'y'), value: fc.nat({ max: 8 }) }),
  ),
  { minLength: 1, maxLength: 15, size: 'max' },
);

test('whatever a service is updated to, it has what is selected, and runs what has to be and nothing else', async () => {
  let [refused, early, late] = [0, 0, 0];
  const property = fc.asyncProperty(selections, acts, async (first, acts) => {
    const ran: string[] = [];
    const store = memoryStore();
    const service = await live(diamond(ran), { store, select: first });
    const model = new Model(first);
    const settled = async (): Promise<unknown> => (model.hasBegun ? service.durable() : ready());
    await settled();
    const codes: (readonly [got: string, wanted: string])[] = [];
    for (const act of acts) {
      if ('update' in act) {
        const isRefused = model.hasBegun && model.missing(act.update).length > 0;
        const code = await service.update({ select: act.update }).then(
          () => 'taken',
          (error: { readonly code: string }) => error.code,
        );
        codes.push([code, isRefused ? 'MISSING_VALUE' : 'taken']);
        if (isRefused) refused += 1;
        else if (model.hasBegun) late += 1;
        else early += 1;
        if (!isRefused) model.selected = act.update;
      } else {
        // Of several that wait, the first would make the first epoch with what is stored, or all of them, as they come.
        if ('push' in act && model.waiting.has(act.push)) continue;
        const [key, value] = 'push' in act ? [act.push, act.value] : [act.put, act.value];
        if ('push' in act) void service.push(key, value).catch(() => undefined);
        else await store.put(key, value);
        ('push' in act ? model.waiting : model.sources).set(key, value);
      }
      model.settle();
      await settled();
      expect(codes.filter(([got, wanted]) => got !== wanted)).toEqual([]);
      expect([...ran].sort()).toEqual([...model.ran].sort());
      expect(service.waitingFor.flatMap(({ source: key, items }) => (items === 0 ? key : [])).sort()).toEqual(
        model.missing(model.selected),
      );
      for (const key of KEYS) {
        const now = await service.current(key);
        const isThere = model.hasBegun && model.selected.includes(key);
        expect(now?.state === 'value' ? now.value : undefined, key).toBe(isThere ? model.values.get(key) : undefined);
      }
    }
    await service.close();
  });
  await fc.assert(property, { numRuns: casesOf(60) });
  expect(Math.min(refused, early, late)).toBeGreaterThan(5);
});
