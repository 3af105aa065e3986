import type { Subscriber } from 'rxjs';
import { expect } from 'vitest';
import { materialize, op, optional, output, StepError } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { manualClock } from './manual-clock.ts';
import { untyped } from './untyped.ts';
import { ofType } from './watch-run.ts';
import { logOf } from './watched-store.ts';
import { whole } from './whole.ts';

/** The outputs that most bodies here are asked for: one required, one optional. */
export const wanted = { a: output<number>(), b: optional<number>() };

/** Runs a body as an asset step beside an independent one. Whatever the body does, the other one must come. */
export async function play(
  body: { readonly run?: unknown; readonly operator?: unknown; readonly outputs?: unknown; readonly timeoutMs?: number },
  clock = manualClock(),
) {
  const declares = body.outputs !== undefined;
  const subject = op(untyped<Parameters<typeof op>[0]>({ name: 'subject', ...body }));
  const other = op({ name: 'other', run: () => 'there' });
  const defs = whole(() => {
    const made: unknown = untyped<() => unknown>(subject)();
    const handles = declares
      ? untyped<Record<string, ReturnType<typeof other>>>(made)
      : { result: untyped<ReturnType<typeof other>>(made) };
    return { ...handles, other: other() };
  });
  const store = memoryStore();
  const result = await materialize(defs, { store, clock, throwOnFailure: false }).catch((error: unknown) => {
    // Said in words of our own: the runner cannot print everything that these bodies throw.
    throw new Error(`the run was rejected as a whole, with ${Object.prototype.toString.call(typeof error)}`);
  });
  const error = result.errors[0];
  const log = await logOf(store);
  return { result, error, code: error?.code, cause: error?.cause, log, store, other: await store.value('other') };
}

/** What came of a body. */
export type Played = Awaited<ReturnType<typeof play>>;

/** Plays a body with declared outputs. */
export const declared = (run: unknown): Promise<Played> => play({ run, outputs: wanted });

/** Plays a body without. */
export const single = (run: unknown): Promise<Played> => play({ run });

/** X8, X9: the step failed as a step, nothing of it is recorded, everything else is. */
export function expectFailedStep({ result, code, log, other }: Played, wantedCode: string): void {
  expect(code).toBe(wantedCode);
  expect(result.errors).toHaveLength(1);
  expect(result.errors[0]).toBeInstanceOf(StepError);
  expect(result.errors[0]?.details['step']).toBe('subject');
  expect(result.status).toBe('failed');
  expect(other).toBe('there');
  expect(result.outcomes.get(untyped('other'))).toBe('materialized');
  expect(ofType(log, 'asset-materialized').map(({ key }) => key)).toEqual(['other']);
  expect(new Set([...result.outcomes].filter(([key]) => key !== 'other').map(([, outcome]) => outcome))).toEqual(new Set(['failed']));
  expect(ofType(log, 'step-settled').find(({ step }) => step === 'subject')?.error?.code).toBe(wantedCode);
  expect(ofType(log, 'run-ended')).toHaveLength(1);
}

/** Throws where only an expression may stand. */
export const throws = (message: string): never => {
  throw new Error(message);
};

/** The name that makes a promise of an object. */
export const THEN = 'then';

/** A promise of somebody else's making. Put together here, since the linter takes an object with a `then` for a mistake. */
export function thenable(then: (done: (value: unknown) => void, fail: (error: unknown) => void) => void): object {
  return Object.fromEntries([[THEN, then]]);
}

/** Emits by hand: not rxjs's own, so nothing in it keeps the Observable contract. */
export function foreign(subscribe: (observer: Subscriber<unknown>) => unknown): unknown {
  return { lift: () => undefined, subscribe };
}
