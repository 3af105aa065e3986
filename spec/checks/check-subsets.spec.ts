import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, emit, graph, input, op, optional, output, source, type Definitions } from '../../index.ts';
import { CheckError, checkSubsets, type CheckName, type CheckReport } from '../kit/index.ts';
import { bookshop, type Mistake } from './bookshop.ts';

// SLUICE_THOROUGH=1: the long form.
const thorough = process.env['SLUICE_THOROUGH'] === '1';

const book = fc.constantFrom('Emma', 'Ulysses', 'Momo');
const line = fc.record({ book, copies: fc.nat({ max: 5 }), price: fc.nat({ max: 3 }) });
const inputs = fc.record({ orders: fc.array(line, { maxLength: 4 }), stock: fc.dictionary(book, fc.nat({ max: 4 })) });

async function foundBy(check: Promise<CheckReport>): Promise<CheckError> {
  try {
    await check;
  } catch (error) {
    if (error instanceof CheckError) return error;
    throw error;
  }
  return expect.unreachable('nothing was found');
}

describe('a bookshop with one mistake', () => {
  const found: readonly (readonly [Mistake, CheckName, RegExp])[] = [
    ['together', 'together', /"copies_of" gives on "turnover"/],
    ['counter', 'deterministic', /"sort" gives on "sold"/],
    ['sorts', 'mutates', /"copies_of" changes what it is given: .*read only property/],
    ['changes a map', 'mutates', /"desk:bestseller" changes what it is given: its input "by_book"/],
    ['forgets', 'required', /"sales:copies_of" completed without its required output "turnover"/],
    ['leak', 'incremental', /"reorder" gives on "result"/],
    ['race', 'order', /"slip" gives on "result"/],
  ];

  test.each(found)('%s: is found within 1,000 cases, by the check "%s"', async (mistake, check, problem) => {
    const error = await foundBy(checkSubsets(bookshop(mistake), { inputs, cases: 1000, seed: 1 }));
    expect(error.code).toBe('CHECK_FAILED');
    expect(error.details['check']).toBe(check);
    expect(error.message).toMatch(problem);
    expect(error.message).toMatch(/^ {2}inputs +\{/m);
  });

  test('remembers: what a run before has left behind is found too, whichever check meets it', async () => {
    const error = await foundBy(checkSubsets(bookshop('remembers'), { inputs, cases: 1000, seed: 1 }));
    expect(error.message).toContain('step "count" gives on "result"');
  });

  test('is shrunk to the smallest selection and inputs, and played again from one string', async () => {
    const first = await foundBy(checkSubsets(bookshop('together'), { inputs, seed: 7 }));
    expect(first.details).toMatchObject({ select: ['turnover'], inputs: { orders: [], stock: {} } });
    const replay = String(first.details['replay']);
    expect(first.message).toContain(`replay: '${replay}'`);
    const again = await foundBy(checkSubsets(bookshop('together'), { inputs, replay }));
    expect(again.details).toEqual(first.details);
    const right = await checkSubsets(bookshop(), { inputs, replay });
    expect(right.cases).toBe(1);
  });
});

test('a bookshop without a mistake passes: every check on every selection', { timeout: 1_200_000 }, async () => {
  const report = await checkSubsets(bookshop(), { inputs, cases: thorough ? 10_000 : 126, seed: 3 });
  // Six assets that may be asked for one by one.
  expect(report.selections).toBe(2 ** 6 - 1);
  expect(report.cases).toBe(thorough ? 10_000 : 126);
  expect([...report.checks.values()].every((cases) => cases >= report.cases / 8)).toBe(true);
  expect(String(report)).toMatch(/^ {2}resume +after a crash, a refresh brings about what one run does +\d+ cases$/m);
});

describe('what is checked, and what is not', () => {
  const doubled = (run: (x: number) => number, options: { readonly volatile?: boolean } = {}): Definitions =>
    define({ assets: [source<number>('x'), asset({ key: 'y', inputs: { x: input<number>() }, run: ({ x }) => run(x), ...options })] });

  test('a step that fails: unless it may', async () => {
    const defs = doubled((x) => {
      if (x > 2) throw new Error('too much');
      return x;
    });
    const given = { inputs: fc.record({ x: fc.nat({ max: 9 }) }), seed: 1, cases: 40 };
    const error = await foundBy(checkSubsets(defs, given));
    expect(error.details).toMatchObject({ check: 'fails', inputs: { x: 3 } });
    await expect(checkSubsets(defs, { ...given, mayFail: true })).resolves.toMatchObject({ cases: 40 });
  });

  test('a volatile op, and what is downstream of it, may give what they like', async () => {
    let ticks = 0;
    const tick = (x: number): number => x + (ticks += 1);
    expect((await foundBy(checkSubsets(doubled(tick), { inputs: { x: 1 }, cases: 20 }))).details).toMatchObject({ check: 'deterministic' });
    await expect(checkSubsets(doubled(tick, { volatile: true }), { inputs: { x: 1 }, cases: 20 })).resolves.toMatchObject({ advice: [] });
  });

  test('an input that holds, and what is downstream of it, gives what came before', async () => {
    const gate = op({
      name: 'gate',
      inputs: { x: input<number>() },
      outputs: { it: optional<number>() },
      *run({ x }) {
        if (x > 1) yield emit('it', x);
      },
    });
    const gated = (hold: boolean): Definitions => {
      const read = op({ name: 'read', inputs: { it: input<number>({ hold, optional: true }) }, run: ({ it }) => it ?? 0 });
      const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => ({ seen: read({ it: gate({ x }).it }) }));
      return define({ assets: [source<number>('x'), assetsFromGraph(body)] });
    };
    const given = { inputs: fc.record({ x: fc.nat({ max: 3 }) }), seed: 1, cases: 60 };
    for (const hold of [false, true]) await expect(checkSubsets(gated(hold), given)).resolves.toMatchObject({ cases: 60 });
  });

  test('inputs may be a list of samples, and have to be complete', async () => {
    const seen = new Set<number>();
    const defs = doubled((x) => {
      seen.add(x);
      return x;
    });
    await checkSubsets(defs, { inputs: [{ x: 1 }, { x: 2 }], cases: 20 });
    expect(seen).toEqual(new Set([1, 2]));
    await expect(checkSubsets(defs)).rejects.toMatchObject({ code: 'MISSING_VALUE' });
  });

  test.each([
    [{ cases: 0 }, /"cases" is "0"\. Give a whole number from 1 on/],
    [{ cases: Number.NaN }, /"cases" is "NaN"/],
    [{ replay: 'nonsense' }, /Give the string that a failed check printed/],
    [{ inputs: [] }, /a list of at least one such sample/],
    [{ case: 3 }, /has no option "case"\. Did you mean "cases"/],
  ])('%o is refused: a check that looks at nothing would pass', async (options, message) => {
    const defs = doubled((x) => x);
    await expect(checkSubsets(defs, { inputs: { x: 1 }, ...options })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(checkSubsets(defs, { inputs: { x: 1 }, ...options })).rejects.toThrow(message);
  });

  test('inputs may be one sample with arbitraries in it, as the sources of a history are', async () => {
    const seen = new Set<number>();
    const defs = doubled((x) => {
      seen.add(x);
      return x;
    });
    await checkSubsets(defs, { inputs: { x: fc.constantFrom(3, 4) }, cases: 20 });
    expect(seen).toEqual(new Set([3, 4]));
  });

  test('many assets are tried by what they need, not by all of their subsets', async () => {
    const many = Array.from({ length: 30 }, (_, index) => asset({ key: `a${index}`, run: () => index }));
    const report = await checkSubsets(define({ assets: many }), { cases: 64, seed: 1 });
    expect(report.selections).toBe(256);
  });

  test('assets that are only made together are selected together', async () => {
    const pair = op({ name: 'pair', outputs: { a: output<number>(), b: output<number>() }, run: () => ({ a: 1, b: 2 }) });
    const report = await checkSubsets(define({ assets: [assetsFromGraph(graph('pairs', () => ({ ...pair() })))] }), { cases: 10 });
    expect([report.selections, report.advice]).toEqual([1, []]);
  });

  test('an emission that nobody asked for is no mistake: advice says which line to change, and to what', async () => {
    const outputs = { a: output<number>(), b: output<number>() };
    const generator = op({
      name: 'generator',
      outputs,
      *run() {
        yield emit('a', 1);
        yield emit('b', 2);
      },
    });
    const record = op({
      name: 'record',
      outputs: { c: output<number>(), d: output<number>() },
      run: () => ({
        c: 3,
        d: 4,
      }),
    });
    const both = graph('both', () => ({ ...generator(), ...record() }));
    const { advice } = await checkSubsets(define({ assets: [assetsFromGraph(both, { canSubset: true })] }), { cases: 30 });
    expect(advice).toHaveLength(4);
    expect(advice[0]).toMatch(/op "generator" emits "b" also when it is not asked for/);
    // The line as it was written, whatever the test runner has made of the import.
    expect(advice[0]).toMatch(
      / line\n +yield emit\(["']b["'], 2\);\n +to\n +if \(selectedOutputs\.has\('b'\)\) yield emit\(["']b["'], 2\);$/,
    );
    expect(advice.join('\n')).toMatch(/\.\.\.\(selectedOutputs\.has\('c'\) && \{ c: 3 \}\),/);
  });

  test('advice on an output that is emitted in several lines names them, and changes none that hangs on another', async () => {
    const either = op({
      name: 'either',
      outputs: { a: output<number>(), b: output<number>() },
      *run() {
        yield emit('a', 1);
        if (this === undefined) yield emit('b', 2);
        else yield emit('b', 3);
      },
    });
    const both = graph('both', () => either());
    const { advice } = await checkSubsets(define({ assets: [assetsFromGraph(both, { canSubset: true })] }), { cases: 30 });
    const onB = advice.find((each) => each.includes('emits "b"'));
    expect(onB).toMatch(
      / Ask for selectedOutputs\.has\('b'\) before\n +if \(.*\) yield emit\(["']b["'], 2\);\n +else yield emit\(["']b["'], 3\);$/,
    );
  });
});
