import { describe, expect, test } from 'vitest';
import { bodyContext } from '../../../operators/step/body-context.ts';
import type { StepLine } from '../../../operators/step/step-log.ts';
import { untyped } from '../rig/untyped.ts';

function context() {
  const lines: StepLine[] = [];
  const notes: (readonly [string, unknown])[] = [];
  const { signal } = new AbortController();
  const parts = { selectedOutputs: new Set(['a']), signal, runId: 'r', step: 'g:s', attempt: 2, config: { n: 1 }, resources: { db: 5 } };
  const made = bodyContext({
    ...parts,
    outputs: untyped({ annotate: (output: string, options: unknown) => void notes.push([output, options]) }),
    onLine: (line) => void lines.push(line),
  });
  return { made, lines, notes, parts };
}

describe('the context of a body', () => {
  test('tells of its run and attempt', () => {
    const { made, parts } = context();
    expect(Object.fromEntries(Object.entries(made))).toMatchObject(parts);
  });

  test('keeps everything where a body spreads it into a context of its own', () => {
    const { made } = context();
    expect(Object.assign({}, made, { mine: 1 })).toMatchObject({ mine: 1, log: made.log, annotate: made.annotate });
    expect(Object.keys(made)).toEqual(expect.arrayContaining(['log', 'annotate']));
  });

  test('cannot be changed', () => {
    const { made } = context();
    expect(Object.isFrozen(made)).toBe(true);
    for (const field of ['signal', 'log', 'annotate', 'other']) expect(() => Object.assign(made, { [field]: 1 })).toThrow(TypeError);
  });

  test('has one log, whichever way it is read: its bounds are those of the attempt', () => {
    const { made, lines } = context();
    const { log } = made;
    expect(made.log).toBe(log);
    for (let line = 0; line < 600; line += 1) {
      log.info('a');
      made.log.info('b');
    }
    expect(lines).toHaveLength(1001);
  });

  test('annotates, also taken apart', () => {
    const { made, notes } = context();
    const { annotate } = made;
    annotate('a', { version: 'v' });
    made.annotate('b', {});
    expect(notes).toEqual([
      ['a', { version: 'v' }],
      ['b', {}],
    ]);
  });
});
