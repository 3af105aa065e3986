import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workspace, type Diagnostic } from '../docs/workspace.ts';

const beginning = `
import { asset, assetsFromGraph, define, emit, graph, input, list, materialize, op, optional, output } from 'sluice';
import { of } from 'rxjs';

const two = op({ name: 'two', run: () => 2 });
const text = op({ name: 'text', run: () => 'x' });
const add = op({ name: 'add', inputs: { a: input<number>(), b: input<number>() }, run: ({ a, b }) => a + b });
const pair = op({ name: 'pair', outputs: { left: output<number>(), right: output<string>() }, run: () => ({ left: 1, right: 'r' }) });
const sum = op({ name: 'sum', inputs: { xs: list<number>() }, run: ({ xs }) => xs.length });
const made = graph('made', () => ({ foo_asset: two(), baz_asset: text() }));
const defs = define({ assets: [assetsFromGraph(made), asset({ key: ['x', 'y'], run: () => true })] });
void [of, emit, optional, sum, pair, defs, materialize, add];
`;

/** The commonest mistakes, with what the compiler has to say of them: all in one sentence or two. */
const mistakes: readonly (readonly [what: string, snippet: string, ...said: readonly string[]])[] = [
  [
    'an emission on an undeclared output',
    `op({ name: 'm', outputs: { a: output<number>() }, *run() { yield emit('b', 1); } });`,
    'This op declares no output \\"b\\".',
  ],
  [
    'an emission on an undeclared output, by an async generator',
    `op({ name: 'm', outputs: { a: output<number>() }, async *run() { yield emit('b', 1); } });`,
    'This op declares no output \\"b\\".',
  ],
  [
    'an emission on an undeclared output, by an operator',
    `op({ name: 'm', outputs: { a: output<number>() }, operator: () => of(emit('b', 1)) });`,
    'This op declares no output \\"b\\".',
  ],
  [
    'an emission of the wrong type',
    `op({ name: 'm', outputs: { a: output<number>() }, *run() { yield emit('a', 'x'); } });`,
    'Output \\"a\\" is declared with another type than what is emitted on it.',
  ],
  [
    'a record with an undeclared output',
    `op({ name: 'm', outputs: { a: output<number>() }, run: () => ({ b: 1 }) });`,
    'This op declares no output \\"b\\".',
  ],
  [
    'a record with a value of the wrong type',
    `op({ name: 'm', outputs: { a: output<number>() }, run: () => ({ a: 'x' }) });`,
    'Output \\"a\\" is declared with another type than what is returned for it.',
  ],
  [
    'a record without a required output',
    `op({ name: 'm', outputs: { a: output<number>(), b: output<number>() }, run: () => ({ a: 1 }) });`,
    'The required output \\"b\\" is not in what the body returns.',
  ],
  [
    'an asset that another definition reads as another type',
    `define({ assets: [asset({ key: 'n', run: () => 1 }), asset({ key: 'm', inputs: { n: input<string>() }, run: ({ n }) => n.length })] });`,
    'The asset \\"n\\" is read as another type than it has.',
  ],
  [
    'a promise of a wrong record',
    `op({ name: 'm', outputs: { a: output<number>() }, run: async () => ({ b: 1 }) });`,
    'This op declares no output \\"b\\".',
  ],
  [
    'nothing where outputs are declared',
    `op({ name: 'm', outputs: { a: output<number>() }, run: () => {} });`,
    'returns a record of output to value, or emissions.',
  ],
  [
    'values where emissions are meant',
    `op({ name: 'm', outputs: { a: output<number>() }, operator: () => of(5) });`,
    'What a body emits is made with emit(output, value).',
  ],
  [
    'a generator without outputs',
    `op({ name: 'm', *run() { yield emit('a', 1); } });`,
    'An op without \\"outputs\\" returns its value. Declare outputs to emit.',
  ],
  [
    'an Observable without outputs',
    `op({ name: 'm', run: () => of(1) });`,
    'An op without \\"outputs\\" returns its value. Declare outputs to emit.',
  ],
  [
    'a promise of emissions',
    `op({ name: 'm', outputs: { a: output<number>() }, run: async () => of(emit('a', 1)) });`,
    'A body returns its generator or Observable itself, not a promise of it.',
  ],
  ['an asset that emits', `asset({ key: 'k', *run() { yield 1; } });`, 'Declare outputs to emit.'],
  [
    'an option of op that there is not',
    `op({ name: 'm', input: { a: input<number>() }, run: () => 1 });`,
    `'input' does not exist`,
    `Did you mean to write 'inputs'?`,
  ],
  [
    'an input that the body reads and the op does not declare',
    `op({ name: 'm', inputs: { a: input<number>() }, run: ({ b }) => b });`,
    `Property 'b' does not exist`,
  ],
  [
    'a name in selectedOutputs',
    `op({ name: 'm', outputs: { a: optional<number>() }, run: (_, c) => (c.selectedOutputs.has('b') ? {} : {}) });`,
    `'"b"' is not assignable to parameter of type '"a"'`,
  ],
  ['a missing input', `graph('g', () => add({ a: two() }));`, `Property 'b' is missing in type '{ a: Handle<number>; }'`],
  ['an unknown input', `graph('g', () => add({ a: two(), b: two(), c: two() }));`, `'c' does not exist`],
  [
    'an input of the wrong type',
    `graph('g', () => add({ a: two(), b: text() }));`,
    `Type 'Handle<string>' is not assignable to type 'Handle<number>'`,
    `Type 'string' is not assignable to type 'number'`,
  ],
  [
    'an entry of the wrong type in a fan-in',
    `graph('g', () => sum({ xs: [two(), text()] }));`,
    `Type 'Handle<string>' is not assignable to type 'Handle<number>`,
  ],
  [
    'a wrong output name of an invocation',
    `graph('g', () => add({ a: two(), b: pair().lefty }));`,
    `Property 'lefty' does not exist`,
    `Did you mean 'left'?`,
  ],
  [
    'a record of handles for a handle',
    `graph('g', () => add({ a: two(), b: pair() }));`,
    `missing the following properties from type 'Handle<number>'`,
  ],
  ['an async graph body', `graph('g', async () => two());`, `Type 'Promise<Handle<number>>' is not assignable to type 'Returned'`],
  ['a graph for a definition', `define({ assets: [made] });`, `is not assignable to type 'AnyDefinition'`],
  [
    'a map of keys with an unknown name',
    `assetsFromGraph(made, { keysByOutputName: { foo_asset: 'a', baz_asset: 'b', c: 'd' } });`,
    'The graph has no output of this name.',
  ],
  ['a map of keys without a name', `assetsFromGraph(made, { keysByOutputName: { foo_asset: 'a' } });`, `Property 'baz_asset' is missing`],
  [
    'a misspelt key in select',
    `void materialize(defs, { select: ['foo_aset'] });`,
    `'"foo_aset"' is not assignable`,
    `Did you mean '"foo_asset"'?`,
  ],
  [
    'a misspelt key of a value',
    `void materialize(defs).then((result) => result.value('baz_aset'));`,
    `'"baz_aset"' is not assignable to parameter of type '"baz_asset" | "foo_asset" | "x/y"'`,
  ],
];

describe('what the compiler says names the culprit', () => {
  const place = workspace();
  let said: readonly Diagnostic[] = [];

  beforeAll(() => {
    mistakes.forEach(([, snippet], index) => place.write(`mistake-${index}.ts`, `${beginning}${snippet}\n`));
    said = place.compile();
  });

  afterAll(() => place.remove());

  const line = beginning.split('\n').length;

  test.each(mistakes.map(([what, , ...words], index) => ({ what, words, index })))('$what', ({ words, index }) => {
    const own = said.filter(({ file }) => file === `mistake-${index}.ts`);
    expect(own).toHaveLength(1);
    expect(own[0]?.line).toBe(line);
    for (const word of words) expect(own[0]?.message).toContain(word);
    // Long chains of Generator and IteratorResult are what these sentences are there for.
    expect(own[0]?.message.split('\n').length).toBeLessThanOrEqual(8);
    expect(own[0]?.message).not.toMatch(/IteratorResult|exactOptionalPropertyTypes/);
  });
});
