import { concat, defer, from, map, NEVER, Observable, of, type Subscriber } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { emit, input, materialize, op, output, run, plan, type Emission } from '../../../index.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { declared, expectFailedStep, foreign, play, wanted } from '../rig/play-body.ts';
import { watchRun } from '../rig/watch-run.ts';
import { whole } from '../rig/whole.ts';

describe('an Observable of a body is held to the contract', () => {
  test('what comes after its completion is dropped', async () => {
    const { result } = await declared(() =>
      foreign((observer) => {
        observer.next(emit('a', 1));
        observer.complete();
        observer.next(emit('a', 2));
        observer.next('nonsense');
        observer.error(new Error('late'));
        observer.complete();
      }),
    );
    expect(result.errors).toEqual([]);
    expect(result.value('a' as never)).toBe(1);
  });

  test('what comes after its error is dropped, and the first error counts', async () => {
    const played = await declared(() =>
      foreign((observer) => {
        observer.next(emit('a', 1));
        observer.error(new Error('first'));
        observer.next(emit('a', 2));
        observer.error(new Error('second'));
        observer.complete();
      }),
    );
    expectFailedStep(played, 'OP_THREW');
    expect(played.cause).toEqual(new Error('first'));
  });

  test('it is unsubscribed as soon as it emits what it may not, so that an endless one ends', async () => {
    let emitted = 0;
    const endless = new Observable((subscriber) => {
      while (!subscriber.closed && emitted < 10_000) {
        emitted += 1;
        subscriber.next(emit('a', emitted));
      }
    });
    expectFailedStep(await declared(() => endless), 'OUTPUT_REPEATED');
    expect(emitted).toBe(2);
  });

  test('it is unsubscribed once when it is over, whichever way', async () => {
    let closed = 0;
    const ending = (end: (subscriber: Subscriber<unknown>) => void): Observable<unknown> =>
      new Observable((subscriber) => {
        queueMicrotask(() => end(subscriber));
        return () => void (closed += 1);
      });
    await declared(() =>
      ending((subscriber) => {
        subscriber.next(emit('a', 1));
        subscriber.complete();
      }),
    );
    await declared(() => ending((subscriber) => subscriber.error(new Error('x'))));
    await declared(() => ending((subscriber) => subscriber.next('nonsense')));
    expect(closed).toBe(3);
  });

  test.each<[string, (subscriber: Subscriber<unknown>) => void]>([
    [
      'now',
      (subscriber) => {
        subscriber.next(emit('a', 1));
        subscriber.complete();
      },
    ],
    [
      'later',
      (subscriber) =>
        queueMicrotask(() => {
          subscriber.next(emit('a', 1));
          subscriber.complete();
        }),
    ],
  ])('a teardown that throws fails the step and nothing else: %s', async (_, start) => {
    const played = await declared(
      () =>
        new Observable((subscriber) => {
          start(subscriber);
          return () => {
            throw new Error('teardown');
          };
        }),
    );
    expectFailedStep(played, 'OP_THREW');
  });

  test('one that never completes runs into its timeoutMs, and is unsubscribed', async () => {
    const clock = manualClock();
    let closed = false;
    const body = (): Observable<Emission> => concat(of(emit('a', 1)), new Observable<never>(() => () => void (closed = true)));
    const playing = play({ run: body, outputs: wanted, timeoutMs: 1000 }, clock);
    await ready();
    expect(clock.waiting()).toBe(1);
    clock.advance(999);
    expect(closed).toBe(false);
    clock.advance(1);
    expectFailedStep(await playing, 'STEP_TIMEOUT');
    expect(closed).toBe(true);
    expect(clock.waiting()).toBe(0);
  });

  test('one that never completes waits for a cancel where there is no timeoutMs (X12)', async () => {
    const defs = whole(() => op({ name: 'never', outputs: wanted, run: () => NEVER })());
    const controller = new AbortController();
    const made = materialize(defs, { signal: controller.signal });
    await ready();
    controller.abort();
    await expect(made).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  });

  test('an operator gets one frame a subscription, and one subscription a run', async () => {
    const seen: unknown[] = [];
    const double = op({
      name: 'double',
      inputs: { x: input<number>() },
      operator: (frames) =>
        defer(() => {
          seen.push('subscribed');
          return frames.pipe(
            map(({ x }) => {
              seen.push(x);
              return x * 2;
            }),
          );
        }),
    });
    const one = op({ name: 'one', run: () => 1 });
    const defs = whole(() => ({ doubled: double({ x: one() }) }));
    await materialize(defs);
    await materialize(defs);
    expect(seen).toEqual(['subscribed', 1, 'subscribed', 1]);
  });
});

test('a hundred bodies that listen to the signal at the same time raise no warning of the platform', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const gate = deferred();
  const waiting = op({
    name: 'waiting',
    outputs: { out: output<number>() },
    run: () => from(gate.promise).pipe(map(() => emit('out', 1))),
  });
  const defs = whole(() => Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a${index}`, waiting.as(`w${index}`)().out])));
  const watching = watchRun(run(plan(defs), { concurrency: 100 }));
  await ready();
  gate.resolve();
  await watching;
  await ready();
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
