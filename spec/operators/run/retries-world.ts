import fc from 'fast-check';
import { z } from 'zod';
import {
  assetsFromGraph,
  define,
  DontRetry,
  emit,
  graph,
  list,
  materialize,
  op,
  resource,
  RetryRequest,
  type Definitions,
  type Handle,
  type Provision,
  type RunEvent,
  type RunResult,
  type Store,
} from '../../../index.ts';
import { AbortError } from '../../../index.ts';
import { drive, drivenClock, type DrivenClock } from '../rig/driven-clock.ts';
import { untyped } from '../rig/untyped.ts';
import type { AttemptPlan, StepScript } from './retries-model.ts';

/** Steps, and who may run beside whom. */
export interface RetryWorld {
  readonly concurrency: number;
  readonly poolSize: number;
  readonly steps: readonly (StepScript & { readonly inPool: boolean; readonly concurrency: number | null; readonly shared: boolean })[];
}

const TIMEOUT_MS = 30;

const attempts: fc.Arbitrary<AttemptPlan> = fc.record({
  ends: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom('throws' as const, 'asks' as const, 'times out' as const, 'hangs' as const, 'gives nonsense' as const),
    },
    { weight: 3, arbitrary: fc.constant('succeeds' as const) },
    { weight: 1, arbitrary: fc.constantFrom('refuses' as const, 'gives no output' as const) },
  ),
  takesMs: fc.constantFrom(null, 0, 1, 20),
  asks: fc.record({ delayMs: fc.constantFrom(0, 7, 200), max: fc.integer({ min: 0, max: 4 }) }, { requiredKeys: [] }),
});

const policies = fc.record({
  max: fc.constantFrom(0, 1, 2, 3, 4, 4, 4),
  delayMs: fc.constantFrom(0, 10, 40),
  backoff: fc.constantFrom('constant' as const, 'linear' as const, 'exponential' as const),
  maxDelayMs: fc.constantFrom(25, 1000),
  jitter: fc.constantFrom(0, 0.5, 1),
  willing: fc.constantFrom(0, 2, 99, 99, 99),
});

/** Graphs of up to 6 steps, each with its script, its policy and its limits. */
export const retryWorlds: fc.Arbitrary<RetryWorld> = fc
  .record({
    concurrency: fc.integer({ min: 1, max: 4 }),
    poolSize: fc.integer({ min: 1, max: 2 }),
    steps: fc.array(
      fc.record({
        reads: fc.array(fc.nat(), { maxLength: 2 }),
        refusals: fc.constantFrom(null, null, 0, 1, 2),
        attempts: fc.array(attempts, { minLength: 1, maxLength: 5 }),
        policy: fc.option(policies, { freq: 6 }),
        inPool: fc.boolean(),
        concurrency: fc.constantFrom(null, null, 1),
        shared: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  })
  .map(({ steps, ...rest }) => ({
    ...rest,
    steps: steps.map((step, index) => ({ ...step, reads: index === 0 ? [] : [...new Set(step.reads.map((each) => each % index))] })),
  }));

/** What came of a world that was run. */
export interface Played {
  readonly clock: DrivenClock;
  readonly events: readonly RunEvent[];
  readonly result: RunResult;
  /** Everything that user code was called for, in order: `body s0`, `open db0`, `close db0`. */
  readonly calls: readonly string[];
  /** How many of those calls had been made when the run was cancelled. */
  readonly callsBefore: number | undefined;
  readonly eventsBefore: number | undefined;
}

/** When to cancel: as that many things have happened (events told of, and moves of the clock). */
export type CancelAfter = number | undefined;

/** Runs a world on a clock of its own. */
export async function playRetries(
  world: RetryWorld,
  { cancelAfter, store }: { readonly cancelAfter?: CancelAfter; readonly store?: Store } = {},
): Promise<Played> {
  // prettier-ignore
  const clock = drivenClock();
  const calls: string[] = [];
  const events: RunEvent[] = [];
  const controller = new AbortController();
  let happened = 0;
  let before: { readonly calls: number; readonly events: number } | undefined;
  const happens = (): void => {
    if (happened++ !== cancelAfter) return;
    before = { calls: calls.length, events: events.length };
    controller.abort('enough');
  };
  const running = materialize(define_(world, { clock, calls }), {
    clock,
    concurrency: world.concurrency,
    signal: controller.signal,
    graceMs: 500,
    throwOnFailure: false,
    ...(store !== undefined && { store }),
    onEvent: (event) => {
      events.push(event);
      happens();
    },
  });
  const result = await drive(clock, running.catch(untilCancelled), happens);
  return { clock, events, result, calls, callsBefore: before?.calls, eventsBefore: before?.events };
}

function untilCancelled(error: unknown): RunResult {
  if (error instanceof AbortError) return error.result;
  throw error;
}

interface Rig {
  readonly clock: DrivenClock;
  readonly calls: string[];
}

function define_(world: RetryWorld, rig: Rig): Definitions {
  const shared = resource<string>('shared');
  const own = world.steps.map((_, index) => resource<string>(`db${index}`));
  const provide = (name: string, of: typeof shared, refusals: number): Provision => {
    let opens = 0;
    return of.factory({
      open: async () => {
        rig.calls.push(`open ${name}`);
        opens += 1;
        if (opens <= refusals) throw new Error('refused');
        await new Promise<void>((resolve) => rig.clock.timer(1, resolve));
        rig.calls.push(`opened ${name}`);
        return name;
      },
      dispose: () => void rig.calls.push(`close ${name}`),
    });
  };
  const nobody = op({ name: 'nobody', pool: 'pool', run: () => 1 });
  const made = graph('all', () => {
    const handles: Handle<number>[] = [];
    for (const [index, step] of world.steps.entries()) {
      const { inPool, concurrency, refusals, policy, reads } = step;
      const mine = own[index] ?? shared;
      const scripted = op({
        name: `s${index}`,
        timeoutMs: TIMEOUT_MS,
        result: z.number(),
        inputs: { before: list<number>() },
        resources: { ...(step.shared && { shared }), ...(refusals !== null && { mine }) },
        ...(inPool && { pool: 'pool' }),
        ...(concurrency !== null && { concurrency }),
        ...(policy !== null && { retry: policyOf(policy) }),
        run: (_, { attempt, signal }) => {
          rig.calls.push(`body s${index}`);
          const plan = step.attempts[Math.min(attempt - (refusals ?? 0), step.attempts.length) - 1];
          return untyped<number>(plan === undefined ? 'no plan' : bodyOf(plan, signal, rig.clock));
        },
      });
      handles.push(scripted({ before: reads.flatMap((each) => handles[each] ?? []) }));
    }
    return { ...Object.fromEntries(handles.map((handle, index) => [`s${index}`, handle])), nobody: nobody() };
  });
  return define({
    pools: { pool: world.poolSize },
    resources: [provide('shared', shared, 0), ...own.map((each, index) => provide(`db${index}`, each, world.steps[index]?.refusals ?? 0))],
    assets: [assetsFromGraph(made)],
  });
}

function policyOf({ willing, ...policy }: NonNullable<StepScript['policy']>) {
  return { ...policy, when: (_: unknown, attempt: number) => attempt <= willing };
}

function bodyOf(plan: AttemptPlan, signal: AbortSignal, clock: DrivenClock): unknown {
  const { takesMs } = plan;
  if (takesMs === null) return endOf(plan, signal);
  return new Promise<void>((resolve) => clock.timer(takesMs, resolve)).then(() => endOf(plan, signal));
}

function endOf({ ends, asks }: AttemptPlan, signal: AbortSignal): unknown {
  switch (ends) {
    case 'succeeds':
      return 1;
    case 'throws':
      throw new Error('thrown');
    case 'asks':
      throw new RetryRequest('asked', asks);
    case 'refuses':
      throw new DontRetry('refused');
    case 'gives nonsense':
      return 'nonsense';
    case 'gives no output':
      return emit('result', 1);
    case 'times out':
      return new Promise((_, reject) => {
        if (signal.aborted) reject(new Error('aborted'));
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      });
    case 'hangs':
      return new Promise(() => undefined);
  }
}
