import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { expectedOf } from './retries-model.ts';
import { playRetries, retryWorlds } from './retries-world.ts';

/** Each resource that was opened was closed once, after everything else; and nobody opened one that was open. */
function expectClosedOnce(calls: readonly string[]): void {
  const names = new Set(calls.map((call) => call.split(' ')[1]));
  for (const name of names) {
    const count = (what: string): number => calls.filter((call) => call === `${what} ${name}`).length;
    expect(count('opened'), `how often ${name} was opened`).toBeLessThanOrEqual(1);
    expect(count('close'), `how often ${name} was closed`).toBe(count('opened'));
  }
  const closes = calls.flatMap((call, index) => (call.startsWith('close') ? [index] : []));
  const bodies = calls.flatMap((call, index) => (call.startsWith('body') ? [index] : []));
  if (closes.length > 0) expect(Math.min(...closes)).toBeGreaterThan(Math.max(-1, ...bodies));
  // Last opened, first closed.
  const opened = calls.flatMap((call) => (call.startsWith('opened') ? [call.slice(7)] : []));
  expect(calls.flatMap((call) => (call.startsWith('close') ? [call.slice(6)] : []))).toEqual(opened.reverse());
}

const ASSET_OUTCOMES = { succeeded: 'materialized', failed: 'failed', blocked: 'blocked' } as const;

test('for any schedule of failures and retries, a run ends as the model says, and closes once what it opened', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(retryWorlds, async (world) => {
      const store = memoryStore();
      const { clock, events, result, calls } = await playRetries(world, { store });
      const expected = expectedOf(world.steps);
      const settled = ofType(await logOf(store), 'step-settled');
      for (const [index, { outcome, attempts, delays, calls: bodies }] of expected.entries()) {
        const name = `s${index}`;
        const [step] = settled.filter((each) => each.step === name);
        const retries = ofType(events, 'step-retrying').filter((each) => each.step === name);
        const starts = ofType(events, 'step-started').filter((each) => each.step === name);
        expect({ name, outcome: step?.outcome, attempts: step?.attempts }).toEqual({ name, outcome, attempts });
        expect(result.steps.get(name)?.outcome).toBe(outcome);
        expect(result.outcomes.get(name)).toBe(ASSET_OUTCOMES[outcome]);
        expect(retries.map(({ delayMs }) => delayMs)).toEqual(delays);
        expect(retries.map(({ attempt }) => attempt)).toEqual(delays.map((_, each) => each + 1));
        expect(calls.filter((call) => call === `body ${name}`)).toHaveLength(bodies);
        expect(starts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: bodies }, (_, each) => attempts - bodies + 1 + each));
        // No attempt starts before its wait is over.
        for (const { attempt, time, delayMs } of retries) {
          const next = starts.find((each) => each.attempt === attempt + 1);
          if (next !== undefined) expect(next.time).toBeGreaterThanOrEqual(time + delayMs);
        }
        const error = result.steps.get(name)?.error;
        expect(error === undefined).toBe(outcome !== 'failed');
        if (error !== undefined) {
          expect(error.details['attempt']).toBe(attempts);
          expect(error.details['earlier'] ?? []).toHaveLength(delays.length);
        }
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        seen.set(`${delays.length} retries`, (seen.get(`${delays.length} retries`) ?? 0) + 1);
      }
      expect(result.status).toBe(expected.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'succeeded');
      expectClosedOnce(calls);
      expect(clock.waiting()).toBe(0);
    }),
    { numRuns: 300, seed: 12 },
  );
  // The worlds are worth something.
  for (const what of ['succeeded', 'failed', 'blocked', '0 retries', '1 retries', '2 retries', '3 retries', '4 retries']) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(20);
  }
}, 60_000);

test('for any schedule and any moment of a cancel, nothing starts after it, the run settles, and nothing is left open', async () => {
  let cancelled = 0;
  let inTheMiddle = 0;
  await fc.assert(
    fc.asyncProperty(retryWorlds, fc.nat(40), async (world, cancelAfter) => {
      const store = memoryStore();
      const { clock, events, result, calls, callsBefore, eventsBefore } = await playRetries(world, { cancelAfter, store });
      const expected = expectedOf(world.steps);
      const log = await logOf(store);
      const settled = ofType(log, 'step-settled');
      if (callsBefore !== undefined && eventsBefore !== undefined) {
        const later = calls.slice(callsBefore);
        expect(later.filter((call) => call.startsWith('body') || call.startsWith('open '))).toEqual([]);
        const told = events.slice(eventsBefore).map(({ type }) => type);
        expect(told).not.toContain('step-started');
        expect(told).not.toContain('step-retrying');
      }
      for (const [index, { outcome, attempts, delays }] of expected.entries()) {
        const name = `s${index}`;
        const given = result.steps.get(name)?.outcome;
        expect([outcome, 'cancelled', 'not-started']).toContain(given);
        expect(result.outcomes.get(name)).toBe(given === outcome ? ASSET_OUTCOMES[outcome] : 'cancelled');
        const step = settled.find((each) => each.step === name);
        const starts = ofType(events, 'step-started').filter((each) => each.step === name);
        const retries = ofType(events, 'step-retrying').filter((each) => each.step === name);
        expect(retries.map(({ delayMs }) => delayMs)).toEqual(delays.slice(0, retries.length));
        if (given === outcome) expect(step?.attempts).toBe(attempts);
        // Where no resource can fail before its body, as many attempts as bodies: one that the cancel came before is none.
        else if (given === 'cancelled' && world.steps[index]?.refusals === null && !world.steps[index].shared) {
          expect(step?.attempts).toBe(starts.length);
        }
        if (given === 'cancelled' && retries.length > 0) inTheMiddle += 1;
      }
      const wasCancelled = [...result.steps.values()].some((each) => each.outcome === 'cancelled' || each.outcome === 'not-started');
      if (wasCancelled) {
        cancelled += 1;
        expect(result.status).toBe('cancelled');
        expect(callsBefore).toBeDefined();
      } else expect(result.status).not.toBe('cancelled');
      expect(ofType(log, 'run-ended').length).toBe(ofType(log, 'run-started').length);
      expectClosedOnce(calls);
      expect(clock.waiting()).toBe(0);
    }),
    { numRuns: 400, seed: 13 },
  );
  expect(cancelled).toBeGreaterThan(150);
  expect(inTheMiddle).toBeGreaterThan(50);
}, 60_000);
