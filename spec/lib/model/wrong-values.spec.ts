import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  DefinitionError,
  define,
  graph,
  input,
  list,
  nothing,
  op,
  optional,
  output,
  source,
} from '../../../index.ts';
import { addOne, after, pair, sum, two } from './ops.ts';
import { refusalOf } from './refusal.ts';
import { untyped } from './untyped.ts';

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;

const promise: Promise<number> = Promise.resolve(1);
const throwingTag = Object.defineProperty({}, Symbol.toStringTag, {
  get: () => {
    throw new Error('must not matter');
  },
});

/** What JavaScript users can pass by mistake, by the name that the lists below use. */
const values: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  5: 5,
  NaN,
  '""': '',
  '"x y"': 'x y',
  true: true,
  '[]': [],
  // oxlint-disable-next-line no-sparse-arrays
  '[ , 1]': [, 1],
  '[undefined]': [undefined],
  '{}': {},
  'a promise': promise,
  'a class': class A {},
  'a function': () => 5,
  'an async function': async () => 5,
  'a generator function': function* () {
    yield 5;
  },
  'a frozen object': Object.freeze({ a: 1 }),
  'a cyclic object': cyclic,
  'an object without prototype': Object.create(null),
  'a symbol': Symbol('s'),
  'a bigint': 5n,
  'a Map': new Map([['a', 1]]),
  'a Set': new Set([1]),
  'a Date': new Date(0),
  'an instance': new (class Thing {
    a = 1;
  })(),
  'a proxy': new Proxy({}, {}),
  'a tag that throws': throwingTag,
  'what looks like assets': { kind: 'assets', name: 'x' },
  'what looks like a source': { kind: 'source' },
  'what looks like an input': { port: 'input' },
  'what looks like an output': { port: 'output' },
};

const anyFunction = ['a function', 'an async function', 'a generator function'];
const empty = ['undefined', '{}', 'an object without prototype', 'a proxy'];
const strings = ['undefined', '""', '"x y"'];
// A record with any fields: what they mean is the user's business.
const records = [
  ...empty,
  'a frozen object',
  'a cyclic object',
  'a tag that throws',
  ...Object.keys(values).filter((name) => name.startsWith('what looks')),
];

const wired = graph('wired', { inputs: { up: input<number>() } }, ({ up }) => ({ o: addOne({ x: up }), p: two() }));
const run = (): number => 1;
const inGraph = (place: () => unknown): unknown => untyped(graph)('g', () => place());

/** Every place where a value can stand, and what may stand there. Everything else must be refused. */
const places: readonly (readonly [place: string, call: (value: unknown) => unknown, fine: readonly string[]])[] = [
  ['op(…)', (value) => untyped(op)(value), []],
  ['name of op', (name) => untyped(op)({ name, run }), []],
  ['run of op', (body) => untyped(op)({ name: 'a', run: body }), anyFunction],
  ['operator of op', (operator) => untyped(op)({ name: 'a', operator }), anyFunction],
  ['inputs of op', (inputs) => untyped(op)({ name: 'a', inputs, run }), [...empty, 'a tag that throws']],
  ['an input of op', (x) => untyped(op)({ name: 'a', inputs: { x }, run }), []],
  ['outputs of op', (outputs) => untyped(op)({ name: 'a', outputs, run }), ['undefined']],
  ['an output of op', (x) => untyped(op)({ name: 'a', outputs: { x }, run }), []],
  ['description of op', (description) => untyped(op)({ name: 'a', description, run }), strings],
  ['codeVersion of op', (codeVersion) => untyped(op)({ name: 'a', codeVersion, run }), strings],
  ['timeoutMs of op', (timeoutMs) => untyped(op)({ name: 'a', timeoutMs, run }), ['undefined', '5']],
  ['an unknown option of op', (extra) => untyped(op)({ name: 'a', extra, run }), []],
  ['input(…)', (value) => untyped(input)(value), [...empty, 'a tag that throws']],
  ['list(…)', (value) => untyped(list)(value), [...empty, 'a tag that throws']],
  ['nothing(…)', (value) => untyped(nothing)(value), [...empty, 'a tag that throws']],
  ['output(…)', (value) => untyped(output)(value), [...empty, 'a tag that throws']],
  ['optional(…)', (value) => untyped(optional)(value), [...empty, 'a tag that throws']],
  ['optional of input', (value) => untyped(input)({ optional: value }), ['undefined', 'true']],
  ['transient of output', (value) => untyped(output)({ transient: value }), ['undefined', 'true']],
  ['graph(…)', (value) => untyped(graph)(value, () => two()), []],
  ['body of graph', (body) => untyped(graph)('g', body), []],
  ['body of graph after options', (body) => untyped(graph)('g', {}, body), []],
  ['options of graph', (options) => untyped(graph)('g', options, () => two()), [...empty.slice(1), 'a tag that throws']],
  ['inputs of graph', (inputs) => untyped(graph)('g', { inputs }, () => two()), [...empty, 'a tag that throws']],
  ['an input of graph', (x) => untyped(graph)('g', { inputs: { x } }, () => two()), []],
  ['description of graph', (description) => untyped(graph)('g', { description }, () => two()), strings],
  ['what a graph returns', (value) => untyped(graph)('g', () => value), []],
  ['an output of graph', (o) => untyped(graph)('g', () => ({ o })), []],
  ['.as(…)', (value) => untyped((name: string) => two.as(name))(value), []],
  ['wiring', (wiring) => inGraph(() => untyped(addOne)(wiring)), []],
  ['wiring of an op without inputs', (wiring) => inGraph(() => untyped(two)(wiring)), [...empty, 'a tag that throws']],
  ['an entry of a value input', (x) => inGraph(() => untyped(addOne)({ x })), []],
  ['an entry of a list', (xs) => inGraph(() => untyped(sum)({ xs })), ['[]']],
  ['an entry in a list', (x) => inGraph(() => untyped(sum)({ xs: [x] })), []],
  ['an entry of nothing', (first) => inGraph(() => untyped(after)({ first })), ['[]']],
  ['a second argument of an invocation', (value) => inGraph(() => untyped(addOne)({ x: two() }, value)), []],
  ['assetsFromGraph(…)', (value) => untyped(assetsFromGraph)(value), []],
  ['options of assetsFromGraph', (value) => untyped(assetsFromGraph)(wired, value), [...empty, 'a tag that throws']],
  ['name', (name) => untyped(assetsFromGraph)(wired, { name }), ['undefined', '"x y"']],
  ['keysByInputName', (keysByInputName) => untyped(assetsFromGraph)(wired, { keysByInputName }), ['undefined']],
  ['a key in keysByInputName', (up) => untyped(assetsFromGraph)(wired, { keysByInputName: { up } }), ['"x y"']],
  ['keysByOutputName', (keysByOutputName) => untyped(assetsFromGraph)(wired, { keysByOutputName }), ['undefined']],
  ['a key in keysByOutputName', (o) => untyped(assetsFromGraph)(wired, { keysByOutputName: { o, p: 'p' } }), ['"x y"']],
  ['keyPrefix', (keyPrefix) => untyped(assetsFromGraph)(wired, { keyPrefix }), ['undefined', '"x y"']],
  ['canSubset', (canSubset) => untyped(assetsFromGraph)(wired, { canSubset }), ['undefined', 'true']],
  ['internalDeps', (internalDeps) => untyped(assetsFromGraph)(wired, { internalDeps }), [...empty, 'a tag that throws']],
  ['a list in internalDeps', (o) => untyped(assetsFromGraph)(wired, { internalDeps: { o } }), ['[]']],
  ['a name in internalDeps', (name) => untyped(assetsFromGraph)(wired, { internalDeps: { o: [name] } }), []],
  ['group of assets', (group) => untyped(assetsFromGraph)(wired, { group }), strings],
  ['notes', (notes) => untyped(assetsFromGraph)(wired, { notes }), [...empty, 'a tag that throws']],
  ['a note', (o) => untyped(assetsFromGraph)(wired, { notes: { o } }), [...empty.slice(1), 'a tag that throws']],
  ['metadata of a note', (metadata) => untyped(assetsFromGraph)(wired, { notes: { o: { metadata } } }), records],
  ['asset(…)', (value) => untyped(asset)(value), []],
  ['key of asset', (key) => untyped(asset)({ key, run }), ['"x y"']],
  ['inputs of asset', (inputs) => untyped(asset)({ key: 'a', inputs, run }), [...empty, 'a tag that throws']],
  ['run of asset', (body) => untyped(asset)({ key: 'a', run: body }), anyFunction],
  ['name of asset', (name) => untyped(asset)({ key: 'a', name, run }), ['undefined']],
  [
    'keysByInputName of asset',
    (keysByInputName) => untyped(asset)({ key: 'a', inputs: { x: input() }, keysByInputName, run }),
    ['undefined'],
  ],
  ['outputs of asset', (outputs) => untyped(asset)({ key: 'a', outputs, run }), []],
  ['group of asset', (group) => untyped(asset)({ key: 'a', group, run }), strings],
  ['metadata of asset', (metadata) => untyped(asset)({ key: 'a', metadata, run }), records],
  ['source(…)', (value) => untyped(source)(value), ['"x y"']],
  ['options of source', (value) => untyped(source)('s', value), [...empty, 'a tag that throws']],
  ['read of source', (read) => untyped(source)('s', { read }), ['undefined', ...anyFunction]],
  ['metadata of source', (metadata) => untyped(source)('s', { metadata }), records],
  ['define(…)', (value) => untyped(define)(value), []],
  ['assets of define', (assets) => untyped(define)({ assets }), ['[]']],
  ['an entry of define', (entry) => untyped(define)({ assets: [entry] }), []],
];

/** `fine`, `refused` with one of our codes in whole sentences, or else what came out instead: a TypeError of our internals, most likely. */
function endOf(call: () => unknown): unknown {
  try {
    call();
    return 'fine';
  } catch (error) {
    if (!(error instanceof DefinitionError)) return error;
    const readable = /^\S.*[.?]$/su.test(error.message) && !/\[object|function\s*\(|undefined undefined| {2}/.test(error.message);
    return readable ? 'refused' : error.message;
  }
}

describe('what JavaScript users pass by mistake is refused with a code, or is fine', () => {
  test.each(places)('%s', (_, call, fine) => {
    const ends = Object.entries(values).map(([name, value]) => ({ name, end: endOf(() => call(value)) }));
    expect(new Set(ends.flatMap(({ name, end }) => (end === 'fine' ? [name] : [])))).toEqual(new Set(fine));
    expect(ends.filter(({ end }) => end !== 'fine' && end !== 'refused')).toEqual([]);
  });

  test('a refused call leaves nothing behind: the next graph is made as if it had not been', () => {
    for (const value of Object.values(values)) expect(endOf(() => inGraph(() => untyped(addOne)({ x: value })))).toBe('refused');
    expect(() => two()).toThrow('outside of a graph');
    expect(graph('g', () => addOne({ x: two() })).invocations.map(({ name }) => name)).toEqual(['two', 'add_one']);
  });
});

describe('the usual slips are called by their own names', () => {
  const said = (place: () => unknown): string => refusalOf(() => inGraph(place)).message;

  test('an op that was not called', () => {
    expect(said(() => untyped(addOne)({ x: two }))).toContain('got the op "two" itself, not a call of it');
    expect(said(() => untyped(addOne)({ x: wired }))).toContain('got the graph "wired" itself');
    expect(said(() => untyped(addOne)({ x: () => two() }))).toContain('got a function instead of a handle');
  });

  test('a whole record of handles where one of them was meant', () => {
    expect(said(() => untyped(addOne)({ x: pair() }))).toContain('got a record of the handles "left" and "right" instead of a handle');
  });

  test('a handle where a record was meant', () => {
    expect(said(() => untyped(addOne)(two()))).toContain('takes one record of input to handle, and got the handle "two.result"');
    expect(said(() => untyped(addOne)(two(), two()))).toContain('got 2 arguments');
  });

  test('an undefined handle, which is most often a misspelt output', () => {
    expect(said(() => untyped(addOne)({ x: Reflect.get(pair(), 'lefty') }))).toContain("check its output's name");
  });

  test('options under a wrong name, with the right one', () => {
    expect(refusalOf(() => untyped(op)({ name: 'a', input: {}, run })).message).toBe('op() has no option "input". Did you mean "inputs"?');
    expect(refusalOf(() => untyped(op)({ name: 'a', codeversion: '2', run })).message).toContain('Did you mean "codeVersion"');
    expect(refusalOf(() => untyped(graph)('g', { input: {} }, () => two())).message).toContain(
      'graph "g" has no option "input". Did you mean "inputs"',
    );
    expect(refusalOf(() => untyped(assetsFromGraph)(wired, { cansubset: true })).message).toContain('Did you mean "canSubset"');
    expect(refusalOf(() => untyped(asset)({ key: 'a', outputs: {}, run })).message).toContain(
      'asset() has no option "outputs". Did you mean "outputsTogether" or "inputs"?',
    );
    expect(refusalOf(() => untyped(source)('s', { reads: run })).message).toContain(
      'source "s" has no option "reads". Did you mean "read"?',
    );
    expect(refusalOf(() => untyped(define)([])).message).toContain(
      'define() takes its options as one object, and got an array. Write { assets: … }.',
    );
    expect(refusalOf(() => untyped(define)({ asset: [] })).message).toContain('Did you mean "assets"?');
  });

  test('a graph or an op where a definition was meant', () => {
    expect(refusalOf(() => untyped(define)({ assets: [wired] })).message).toContain('Wrap a graph in assetsFromGraph()');
    expect(refusalOf(() => untyped(define)({ assets: [define({ assets: [] })] })).message).toContain(
      'Make it with assetsFromGraph(), asset() or source()',
    );
    expect(refusalOf(() => untyped(assetsFromGraph)(two)).message).toContain('takes a graph first, and got a function');
  });

  test('a body that is a class', () => {
    class Body {}
    expect(refusalOf(() => untyped(graph)('g', Body)).message).toContain('its body is a class');
    expect(refusalOf(() => untyped(op)({ name: 'a', run: Body })).message).toContain('has a class as its body');
    expect(refusalOf(() => untyped(source)('s', { read: Body })).message).toContain('"read" is a class');
  });

  test('ports that were made by hand', () => {
    expect(refusalOf(() => untyped(op)({ name: 'a', inputs: { x: { port: 'input', kind: 'value' } }, run })).message).toContain(
      'Make it with input(), list() or nothing()',
    );
    expect(refusalOf(() => untyped(op)({ name: 'a', inputs: { x: output() }, run })).message).toContain(
      'op "a": input "x" is an object. Make it with input()',
    );
    expect(refusalOf(() => untyped(op)({ name: 'a', outputs: { x: input() }, run })).message).toContain(
      'Make it with output() or optional()',
    );
    expect(refusalOf(() => untyped(op)({ name: 'a', inputs: { x: input }, run })).message).toContain('input "x" is a function');
  });
});
