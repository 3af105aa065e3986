import { describe, expect, test } from 'vitest';
import { op, resource, StepError } from '../../../index.ts';
import { ResourceScope } from '../../../operators/resources/resource-scope.ts';
import { attemptStep, unsuccessful, type AttemptEnd, type AttemptScope } from '../../../operators/step/attempt.ts';
import type { AnyOp } from '../../../lib/model/op.ts';
import type { Provision } from '../../../lib/model/resource.ts';
import { deferred } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { throws } from '../rig/play-body.ts';
import { untyped } from '../rig/untyped.ts';

/** What an attempt of an op is made in, and what it tells. */
function scopeOf(subject: unknown, provisions: readonly Provision[] = []) {
  const controller = new AbortController();
  const { signal } = controller;
  const clock = manualClock();
  const told: unknown[] = [];
  const scope: AttemptScope<unknown> = {
    op: untyped<AnyOp>(subject),
    step: 'subject',
    selectedOutputs: new Set(['result']),
    unselected: 'discard',
    onDiscard: (output) => told.push(['discarded', output]),
    fix: (_, { value }) => value,
    runId: 'run',
    config: () => ({}),
    resources: new ResourceScope({
      provisions: new Map(provisions.map((each) => [each.resource.name, each])),
      context: { signal, runId: 'run' },
    }),
    signal,
    clock,
    inBody: (body) => body(),
    onStart: (attempt) => told.push(['start', attempt]),
    onLine: (attempt, { message }) => told.push(['line', attempt, message]),
  };
  return { scope, controller, clock, told, attempt: (number = 1) => attemptStep(scope, { attempt: number, inputs: {} }) };
}

const emitted = (end: AttemptEnd<unknown>) => (end.outcome === 'succeeded' ? Object.fromEntries(end.emitted) : end);

describe('an attempt', () => {
  test('is synchronous where its resources and its body are', () => {
    const db = resource<number>('db');
    const reads = op({ name: 'reads', resources: { db }, run: (_, { resources }) => resources.db });
    const { attempt, told } = scopeOf(reads, [db.factory({ open: () => 5 })]);
    const end = attempt(3);
    expect(end).not.toBeInstanceOf(Promise);
    expect(emitted(untyped(end))).toEqual({ result: 5 });
    expect(told).toEqual([['start', 3]]);
  });

  test('tells that it starts when its resources are there, and not at all where they are not', async () => {
    const [a, b] = [resource<number>('a'), resource<number>('b')];
    const gate = deferred<number>();
    const reads = op({ name: 'reads', resources: { a, b }, run: (_, { resources }) => resources.a + resources.b });
    const { attempt, told } = scopeOf(reads, [a.factory({ open: () => gate.promise }), b.value(2)]);
    const ending = attempt();
    expect(told).toEqual([]);
    gate.resolve(1);
    expect(emitted(await ending)).toEqual({ result: 3 });
    expect(told).toEqual([['start', 1]]);

    for (const open of [() => Promise.reject(new Error('no')), () => throws('no')]) {
      const refused = scopeOf(reads, [a.factory({ open }), b.value(2)]);
      expect(await refused.attempt()).toMatchObject({ outcome: 'failed', error: { code: 'RESOURCE_FAILED' } });
      expect(refused.told).toEqual([]);
    }
  });

  test('gives its body the very record of its resources, whatever they are called', () => {
    const odd = resource<number>('odd');
    const resources = Object.fromEntries([['__proto__', odd] as const, ['toString', odd] as const]);
    const reads = op({ name: 'reads', resources, run: (_, context) => Object.entries(context.resources) });
    const { attempt } = scopeOf(reads, [odd.value(7)]);
    expect(emitted(untyped(attempt()))).toEqual({ result: [['__proto__', 7], ['toString', 7]] }); // prettier-ignore
  });

  test('does nothing in a run that is cancelled', () => {
    const opens: string[] = [];
    const db = resource<number>('db');
    const reads = op({ name: 'reads', resources: { db }, run: () => opens.push('body') });
    const { attempt, controller, told } = scopeOf(reads, [db.factory({ open: () => opens.push('open') })]);
    controller.abort();
    expect(attempt()).toEqual({ outcome: 'cancelled' });
    expect([opens, told]).toEqual([[], []]);
  });

  test('without resources does nothing either', () => {
    const { attempt, controller, told } = scopeOf(op({ name: 'plain', run: () => 1 }));
    controller.abort();
    expect(attempt()).toEqual({ outcome: 'cancelled' });
    expect(told).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    ['gives a value', async () => 1],
    ['throws', () => Promise.reject(new Error('x'))],
  ])('that %s after a cancel is cancelled', async (_, body) => {
    const gate = deferred();
    const { attempt, controller } = scopeOf(op({ name: 'late', run: () => gate.promise.then(body) }));
    const ending = attempt();
    controller.abort();
    gate.resolve();
    expect(await ending).toEqual({ outcome: 'cancelled' });
  });

  test('tells of what its body logs while it runs, and of nothing after that', async () => {
    const lines: ((message: string) => void)[] = [];
    const gate = deferred<number>();
    const logs = op({
      name: 'logs',
      timeoutMs: 10,
      run: (_, { log }) => {
        log.info('first');
        lines.push(log.info);
        return gate.promise;
      },
    });
    const { attempt, clock, told } = scopeOf(logs);
    const ending = attempt(2);
    clock.advance(10);
    expect(await ending).toMatchObject({ outcome: 'failed', error: { code: 'STEP_TIMEOUT' } });
    lines[0]?.('late');
    expect(told).toEqual([['start', 2], ['line', 2, 'first']]); // prettier-ignore
  });

  test('has no time limit while its resources are opened', async () => {
    const db = resource<number>('db');
    const gate = deferred<number>();
    const { attempt, clock } = scopeOf(op({ name: 'reads', timeoutMs: 10, resources: { db }, run: () => 1 }), [
      db.factory({ open: () => gate.promise }),
    ]);
    const ending = attempt();
    expect(clock.waiting()).toBe(0);
    clock.advance(1000);
    gate.resolve(1);
    expect(emitted(await ending)).toEqual({ result: 1 });
    expect(clock.waiting()).toBe(0);
  });

  test('that fails is a StepError: anything else is a bug of ours, and goes on as it is', () => {
    const { signal } = new AbortController();
    const failure = new StepError('OP_THREW', 'x');
    expect(unsuccessful(failure, signal)).toEqual({ outcome: 'failed', error: failure });
    const bug = new TypeError('bug');
    expect(() => unsuccessful(bug, signal)).toThrow(bug);
    expect(unsuccessful(bug, AbortSignal.abort())).toEqual({ outcome: 'cancelled' });
  });
});
