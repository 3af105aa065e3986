import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, materialize, op, output, refresh, StepError } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { logOf } from '../rig/watched-store.ts';

const large = op({
  name: 'large',
  outputs: { big: output<string>(), small: output<number>() },
  codeVersion: '1',
  run: () => ({ big: 'x'.repeat(2000), small: 1 }),
});

describe('a value that is larger than its store takes (R6)', () => {
  test('fails the step where it is an asset, with nothing of the step recorded', async () => {
    const g = graph('g', () => {
      const { big, small } = large();
      return { big, small };
    });
    const store = memoryStore({ maxValueBytes: 1000 });
    const failure = await materialize(define({ assets: [assetsFromGraph(g)] }), { store }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StepError);
    expect(failure).toMatchObject({ code: 'VALUE_TOO_LARGE', details: { step: 'large', output: 'big', maxValueBytes: 1000 } });
    const events = await logOf(store);
    expect(events.map(({ type }) => type)).toEqual(['run-started', 'step-settled', 'asset-failed', 'asset-failed', 'run-ended']);
  });

  test('passes by reference between ops, and its step runs again for whoever needs it', async () => {
    const ran: string[] = [];
    const reads = (version: string) =>
      op({ name: 'reads', inputs: { big: input<string>() }, codeVersion: version, run: ({ big }) => (ran.push('reads'), big.length) });
    const made = op({ name: 'made', codeVersion: '1', run: () => (ran.push('made'), 'x'.repeat(2000)) });
    const defs = (version: string) => {
      const reader = reads(version);
      return define({ assets: [assetsFromGraph(graph('g', () => ({ length: reader({ big: made() }) })))] });
    };
    const store = memoryStore({ maxValueBytes: 1000 });
    await refresh(defs('1'), { store });
    expect(ran.splice(0)).toEqual(['made', 'reads']);
    await refresh(defs('1'), { store });
    expect(ran.splice(0)).toEqual([]);
    const again = await refresh(defs('2'), { store });
    expect(ran).toEqual(['made', 'reads']);
    expect(await again.value('length')).toBe(2000);
  });
});
