import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StepSettled } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { expectedOf, type Expected } from './retries-model.ts';
import { playRetries, retryWorlds, type Played, type RetryWorld } from './retries-world.ts';

/** Each resource that was opened was closed once, after every body, last opened first; and nobody opened one that was open. */
function expectClosedOnce(calls: readonly string[]): void {
  const of = (what: string): readonly string[] =>
    calls.flatMap((call) => (call.startsWith(`${what} `) ? [call.slice(what.length + 1)] : []));
  const opened = of('opened');
  expect(new Set(opened).size).toBe(opened.length);
  expect(of('close')).toEqual(opened.toReversed());
  const firstClose = calls.findIndex((call) => call.startsWith('close'));
  const lastBody = calls.findLastIndex((call) => call.startsWith('body'));
  expect(firstClose === -1 || firstClose > lastBody).toBe(true);
}

const ASSET_OUTCOMES = { succeeded: 'materialized', failed: 'failed', blocked: 'blocked' } as const;

/** What a run told of one step. */
function toldOf({ events, calls, result }: Played, name: string, log: readonly StepSettled[]) {
  return {
    settled: log.find(({ step }) => step === name),
    retries: ofType(events, 'step-retrying').filter(({ step }) => step === name),
    starts: ofType(events, 'step-started').filter(({ step }) => step === name),
    bodies: calls.filter((call) => call === `body ${name}`).length,
    outcome: result.steps.get(name)?.outcome,
    error: result.steps.get(name)?.error,
    asset: result.outcomes.get(name),
  };
}

type Told = ReturnType<typeof toldOf>;

function expectAsModel({ settled, retries, starts, bodies, outcome, error, asset }: Told, model: Expected): void {
  const { attempts, delays, calls } = model;
  expect({ outcome, settled: settled?.outcome, attempts: settled?.attempts, asset }).toEqual({
    outcome: model.outcome,
    settled: model.outcome,
    attempts,
    asset: ASSET_OUTCOMES[model.outcome],
  });
  expect(retries.map(({ delayMs }) => delayMs)).toEqual(delays);
  expect(retries.map(({ attempt }) => attempt)).toEqual(delays.map((_, each) => each + 1));
  expect(bodies).toBe(calls);
  expect(starts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: calls }, (_, each) => attempts - calls + 1 + each));
  expect(error?.details['attempt']).toBe(model.outcome === 'failed' ? attempts : undefined);
  expect(error?.details['earlier'] ?? []).toHaveLength(model.outcome === 'failed' ? delays.length : 0);
}

/** No attempt starts before the wait for it is over. */
function expectWaited({ retries, starts }: Told): void {
  for (const { attempt, time, delayMs } of retries) {
    const next = starts.find((each) => each.attempt === attempt + 1)?.time ?? Infinity;
    expect(next).toBeGreaterThanOrEqual(time + delayMs);
  }
}

test('for any schedule of failures and retries, a run ends as the model says, and closes once what it opened', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(retryWorlds, async (world) => {
      const store = memoryStore();
      const played = await playRetries(world, { store });
      const expected = expectedOf(world.steps);
      const log = ofType(await logOf(store), 'step-settled');
      for (const [index, model] of expected.entries()) {
        const told = toldOf(played, `s${index}`, log);
        expectAsModel(told, model);
        expectWaited(told);
        for (const what of [model.outcome, `${model.delays.length} retries`]) seen.set(what, (seen.get(what) ?? 0) + 1);
      }
      expect(played.result.status).toBe(expected.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'succeeded');
      expectClosedOnce(played.calls);
      expect(played.clock.waiting()).toBe(0);
    }),
    { numRuns: 300, seed: 12 },
  );
  // The worlds are worth something.
  for (const what of ['succeeded', 'failed', 'blocked', '0 retries', '1 retries', '2 retries', '3 retries', '4 retries']) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(20);
  }
});

/** No body, no opening, no start and no retry after the run was cancelled. */
function expectNothingStarts({ calls, callsBefore = Infinity, events, eventsBefore = Infinity }: Played): void {
  expect(calls.slice(callsBefore).filter((call) => call.startsWith('body ') || call.startsWith('open '))).toEqual([]);
  const told = events.slice(eventsBefore).map(({ type }) => type);
  expect(told).not.toContain('step-started');
  expect(told).not.toContain('step-retrying');
}

/** What was over when the cancel came ended as in a whole run; the rest is cancelled, as far as it had come. */
function expectPrefix({ settled, retries, starts, outcome, asset }: Told, model: Expected, hasResources: boolean): void {
  expect([model.outcome, 'cancelled', 'not-started']).toContain(outcome);
  expect(asset).toBe(outcome === model.outcome ? ASSET_OUTCOMES[model.outcome] : 'cancelled');
  expect(retries.map(({ delayMs }) => delayMs)).toEqual(model.delays.slice(0, retries.length));
  // Where no resource can fail before its body, as many attempts as starts: one that the cancel came before is none.
  const counted = outcome === 'cancelled' && !hasResources ? starts.length : settled?.attempts;
  expect(settled?.attempts).toBe(outcome === model.outcome ? model.attempts : counted);
}

test('for any schedule and any moment of a cancel, nothing starts after it, the run settles, and nothing is left open', async () => {
  let cancelled = 0;
  let inTheMiddle = 0;
  await fc.assert(
    fc.asyncProperty(retryWorlds, fc.nat(40), async (world, cancelAfter) => {
      const store = memoryStore();
      const played = await playRetries(world, { cancelAfter, store });
      const log = await logOf(store);
      expectNothingStarts(played);
      for (const [index, model] of expectedOf(world.steps).entries()) {
        const told = toldOf(played, `s${index}`, ofType(log, 'step-settled'));
        expectPrefix(told, model, usesResources(world.steps[index]));
        if (told.outcome === 'cancelled' && told.retries.length > 0) inTheMiddle += 1;
      }
      const { result, callsBefore, calls, clock } = played;
      const wasCancelled = [...result.steps.values()].some(({ outcome }) => outcome === 'cancelled' || outcome === 'not-started');
      if (wasCancelled) cancelled += 1;
      expect(result.status === 'cancelled').toBe(wasCancelled);
      expect(wasCancelled && callsBefore === undefined).toBe(false);
      expect(ofType(log, 'run-ended')).toHaveLength(ofType(log, 'run-started').length);
      expectClosedOnce(calls);
      expect(clock.waiting()).toBe(0);
    }),
    { numRuns: 400, seed: 13 },
  );
  expect(cancelled).toBeGreaterThan(150);
  expect(inTheMiddle).toBeGreaterThan(50);
});

function usesResources(step: RetryWorld['steps'][number] | undefined): boolean {
  return step !== undefined && (step.shared || step.refusals !== null);
}
