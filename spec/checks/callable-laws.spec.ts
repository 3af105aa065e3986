import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan, type Plan } from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import type { LawEngine } from '../kit/law-engine.ts';
import type { History } from '../kit/history-case.ts';
import { callableLaws, laws } from '../kit/laws.ts';
import { playHistory, type HistoryRun } from '../kit/play-history.ts';
import { tap, type Tapped } from '../kit/tap.ts';

type Lie = Partial<LawEngine>;

/** An engine that does what it should, and tells it wrongly. */
const telling = (wrongly: (tapped: Tapped, planned: Plan) => Partial<Tapped>): Lie => ({
  run: async (planned, options) => {
    const tapped = await tap(planned, options);
    return { ...tapped, ...wrongly(tapped, planned) };
  },
});

/** An engine that plans wrongly. */
const planning = (wrongly: (planned: Plan, select: readonly string[] | undefined) => Plan): Lie => ({
  plan: (defs, options) => wrongly(plan(defs, options), options.select === undefined ? undefined : [options.select].flat().map(String)),
});

/** An engine that runs everything, whatever is asked of it. */
const greedy: Lie = { run: ({ defs }, options) => tap(plan(defs, { inGraphUpstream: 'recompute' }), options) };

const versions = (of: (version: string, index: number, planned: Plan) => string): Lie =>
  telling(({ recorded }, planned) => ({
    recorded: new Map([...recorded].map(([key, version], index) => [key, of(version, index, planned)])),
  }));

/** Outcomes of steps told as others, in the events too. */
const outcomes = (from: 'skipped' | 'failed' | 'blocked', to: 'skipped' | 'failed' | 'succeeded'): Lie =>
  telling(({ settled, events }) => ({
    settled: new Map([...settled].map(([id, outcome]) => [id, outcome === from ? to : outcome])),
    events: events.map((event) => (event.type === 'step-settled' && event.outcome === from ? { ...event, outcome: to } : event)),
  }));

const ghost: Lie = telling(({ ran }) => ({ ran: new Map([...ran, ['ghost', new Set<string>()]]) }));

/** Runs of histories, told wrongly. */
const retelling = (wrongly: (run: HistoryRun, runs: readonly HistoryRun[], played: History) => Partial<HistoryRun>): Lie => ({
  playHistory: async (defs, played) => {
    const runs = await playHistory(defs, played);
    return runs.map((run) => ({ ...run, ...wrongly(run, runs, played) }));
  },
});

let plans = 0;

/** For each law, an engine on which it does not hold. */
const lies: Readonly<Record<string, () => Lie>> = {
  S1: () => greedy,
  S2: () => greedy,
  S3: () => ghost,
  S4: () => ghost,
  S5: () => planning((planned) => ({ ...planned, steps: planned.steps.slice(1) })),
  S6: () => planning((planned, select = []) => (select.length > 1 ? { ...planned, steps: planned.steps.slice(1) } : planned)),
  S7: () => telling(({ recorded }) => ({ recorded: new Map([...recorded].slice(recorded.size > 1 ? 1 : 0)) })),
  S8: () => versions((version, _, { selection }) => `${version} of ${selection.size}`),
  S9: () => versions((version, _, { selection }) => `${version} of ${selection.size}`),
  S10: () => planning((planned, select) => (select === undefined ? { ...planned, hash: 'another' } : planned)),
  S11: () => ({
    // Only the first run on a store does anything.
    run: async (planned, options) => {
      const isFirst = (await options.store?.port.head()) === 0;
      return tap(isFirst ? planned : plan(planned.defs, { select: [] }), options);
    },
  }),
  S12: () => versions((version, index) => `${version} at ${index}`),
  S13: () => versions((version, _, { steps }) => `${version} by ${steps.map(({ step }) => step.id).join()}`),
  S14: () => telling(({ settled }, { defs }) => ({ settled: new Map([...settled, [`${defs.graph.steps.length} steps`, 'succeeded']]) })),
  S15: () => ({
    plan: (defs, { select: _, ...options }) => plan(defs, options),
  }),
  S16: () => telling(() => ({ discarded: new Set() })),
  S17: () => outcomes('failed', 'succeeded'),
  S18: () => outcomes('skipped', 'failed'),
  S19: () => outcomes('blocked', 'skipped'),
  S21: () => planning((planned) => ({ ...planned, hash: `${planned.hash} ${(plans += 1)}` })),
  I1: () => retelling(({ fresh }) => ({ fresh: { ...fresh, more: 'absent' } })),
  I7: () => retelling(() => ({ ran: ['a step that is always run'] })),
  I9: () => retelling(({ came }, { length }) => ({ came: { ...came, runs: `${length}` } })),
  I17: () => retelling(({ came }, _, { actions }) => ({ came: { ...came, actions: `${actions.length}` } })),
  S22: () => ({
    run: ({ defs, selection }, options) =>
      tap(plan(defs, { select: [...selection], unselectedOutputs: 'materialize', crossGraphUpstream: 'auto' }), options),
  }),
};

describe.each(callableLaws)('$id $name, called', ({ id, property }) => {
  test('holds of Sluice', async () => {
    const { failed, error } = await detailsOf(property(), 20);
    expect({ failed, error }).toEqual({ failed: false, error: undefined });
  });

  test('does not hold of an engine that breaks it', async () => {
    const lie = lies[id]?.();
    expect(lie, 'every law that can be called has an engine that breaks it').toBeDefined();
    const { failed, error } = await detailsOf(property(lie), 300);
    expect({ failed, error }).toEqual({ failed: true, error: expect.stringMatching(/^AssertionError|ERR_ASSERTION/) });
  });
});

async function detailsOf(property: ReturnType<(typeof callableLaws)[number]['property']>, numRuns: number) {
  const { failed, errorInstance } = await fc.check(property, { numRuns, seed: 1, endOnFailure: true });
  return { failed, error: errorInstance instanceof Error ? String(errorInstance) : undefined };
}

describe('a law that is called', () => {
  const byId = (id: string): (typeof callableLaws)[number] => {
    const found = callableLaws.find((law) => law.id === id);
    if (found === undefined) throw new Error(`there is no law ${id} that can be called`);
    return found;
  };

  test('runs on stores that it is given, a new one for each, and closes them', async () => {
    let [opened, closed] = [0, 0];
    const store = async () => {
      opened += 1;
      const made = memoryStore();
      const close = (): Promise<void> => {
        closed += 1;
        return made.close();
      };
      return { ...made, close };
    };
    await fc.assert(byId('S11').property({ store }), { numRuns: 10, seed: 1 });
    expect([opened, closed]).toEqual([20, 20]);
  });

  test('keeps within bounds, and never leaves its own', async () => {
    const seen: number[] = [];
    const engine: Lie = { run: (planned, options) => (seen.push(planned.defs.graph.steps.length), tap(planned, options)) };
    await fc.assert(byId('S2').property({ ...engine, maxSteps: 2 }), { numRuns: 50, seed: 1 });
    expect(Math.max(...seen)).toBe(2);
    const definitions: number[] = [];
    const counting: Lie = { plan: (defs, options) => (definitions.push(defs.definitions.length), plan(defs, options)) };
    await fc.assert(byId('S9').property({ ...counting, maxDefinitions: 3 }), { numRuns: 50, seed: 1 });
    expect(Math.max(...definitions)).toBe(1);
  });

  test('prints the smallest world on which it does not hold, as text, program and drawing', async () => {
    const { error } = await fc.assert(byId('S1').property(greedy), { numRuns: 300, seed: 1 }).then(
      () => ({ error: '' }),
      (thrown: unknown) => ({ error: String(thrown) }),
    );
    expect(error).toContain('Counterexample');
    expect(error).toContain('```mermaid');
    expect(error).toContain("from 'sluice'");
  });

  test('is in the list once: all of S but S20, which takes values that change', () => {
    const called = laws.filter(({ property }) => property !== undefined).map(({ id }) => id);
    expect(callableLaws.map(({ id }) => id)).toEqual(called);
    expect(laws.filter(({ id, property }) => id.startsWith('S') && property === undefined).map(({ id }) => id)).toEqual(['S20']);
  });
});
