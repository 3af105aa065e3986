import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workspace, type Diagnostic } from '../docs/workspace.ts';

const beginning = `
import { asset, define, emit, graph, input, op, optional, output } from 'sluice';
import { of } from 'rxjs';
import { z } from 'zod';

const date = z.string().transform((text) => new Date(text));
const outputs = { at: output(date), n: optional(z.number()) };
const made = op({ name: 'made', result: date, run: () => 'text' });
const reads = op({ name: 'reads', inputs: { x: input(date) }, run: ({ x }) => x.getTime() });
void [asset, define, emit, graph, of, outputs, made, reads];
`;

const mistakes: readonly (readonly [what: string, snippet: string, ...said: readonly string[]])[] = [
  [
    'a record with what the schema makes, not what it takes',
    `op({ name: 'm', outputs, run: () => ({ at: new Date() }) });`,
    'Output \\"at\\" is declared with another type than what is returned for it.',
  ],
  [
    'an emission of what the schema makes',
    `op({ name: 'm', outputs, *run() { yield emit('at', new Date()); } });`,
    'Output \\"at\\" is declared with another type than what is emitted on it.',
  ],
  [
    'an emission of what the schema makes, by an Observable',
    `op({ name: 'm', outputs, run: () => of(emit('at', new Date())) });`,
    'Output \\"at\\" is declared with another type than what is emitted on it.',
  ],
  [
    'a record without a required output',
    `op({ name: 'm', outputs, run: () => ({ n: 1 }) });`,
    'The required output \\"at\\" is not in what the body returns.',
  ],
  [
    'a body whose result does not fit its schema',
    `op({ name: 'm', result: z.number(), run: () => 'x' });`,
    'The schema of \\"result\\" takes another type than what the body gives.',
  ],
  [
    'an operator whose result does not fit its schema',
    `op({ name: 'm', result: z.number(), operator: () => of('x') });`,
    'The schema of \\"result\\" takes another type than what the body gives.',
  ],
  [
    'a wire from what a schema made',
    `graph('g', () => reads({ x: made() }));`,
    `Type 'Handle<Date>' is not assignable to type 'Handle<string>'`,
  ],
  [
    'an asset that is read as what its schema takes',
    `define({ assets: [asset({ key: 'up', result: date, run: () => '' }), asset({ key: 'm', inputs: { up: input(date) }, run: () => 1 })] });`,
    'The asset \\"up\\" is read as another type than it has.',
  ],
];

describe('what the compiler says of schemas names the culprit', () => {
  const place = workspace();
  let said: readonly Diagnostic[] = [];

  beforeAll(() => {
    mistakes.forEach(([, snippet], index) => place.write(`schema-mistake-${index}.ts`, `${beginning}${snippet}\n`));
    said = place.compile();
  });

  afterAll(() => place.remove());

  test.each(mistakes.map(([what, , ...words], index) => ({ what, words, index })))('$what', ({ words, index }) => {
    const own = said.filter(({ file }) => file === `schema-mistake-${index}.ts`);
    expect(own).toHaveLength(1);
    expect(own[0]?.line).toBe(beginning.split('\n').length);
    for (const word of words) expect(own[0]?.message).toContain(word);
    expect(own[0]?.message.split('\n').length).toBeLessThanOrEqual(8);
    expect(own[0]?.message).not.toMatch(/IteratorResult|exactOptionalPropertyTypes/);
  });
});
