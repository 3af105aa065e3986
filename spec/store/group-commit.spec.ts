import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GroupCommit } from '../../store/group-commit.ts';
import { manualClock } from '../operators/rig/manual-clock.ts';

const LIMITS = { events: 10, bytes: 100, milliseconds: 20 };

interface Request {
  readonly weight: { readonly events: number; readonly bytes: number };
}

interface Options {
  /** A transaction with a request of so many events fails. */
  readonly tooMuch?: number;
  readonly alone?: boolean;
  /** A request of so many events is refused. */
  readonly refused?: number;
  /** How long each event takes. */
  readonly msPerEvent?: number;
}

/** A queue over a list of the sizes that each transaction wrote. */
function queueOver(groups: number[][], { tooMuch = Infinity, alone = true, refused = Infinity, msPerEvent = 0 }: Options = {}): Queue {
  const clock = manualClock();
  return new GroupCommit<Request, { readonly wrote: number }>({
    commit: (requests, hasTime) => {
      const group: number[] = [];
      const outcomes: ({ readonly wrote: number } | Error)[] = [];
      for (const { weight } of requests) {
        if (outcomes.length > 0 && !hasTime()) break;
        if (weight.events >= tooMuch) throw new Error('too much');
        clock.advance(weight.events * msPerEvent);
        outcomes.push(weight.events >= refused ? new Error(`refused ${weight.events}`) : { wrote: weight.events });
        group.push(weight.events);
      }
      groups.push(group);
      return outcomes;
    },
    mayPassAlone: () => alone,
    limits: LIMITS,
    monotonic: () => clock.now(),
  });
}

type Queue = GroupCommit<Request, { readonly wrote: number }>;

const submit = async (queue: Queue, events: number): Promise<number> =>
  (await queue.submit({ weight: { events, bytes: events * 2 } })).wrote;

describe('a group commit', () => {
  test('takes what came in one turn of the loop in one go', async () => {
    const groups: number[][] = [];
    const queue = queueOver(groups);
    expect(await Promise.all([1, 2, 3].map((events) => submit(queue, events)))).toEqual([1, 2, 3]);
    expect(await submit(queue, 4)).toBe(4);
    expect(groups).toEqual([[1, 2, 3], [4]]);
  });

  test('keeps the order, the limits, and lets one request be larger than they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(25), { minLength: 1 }), async (weights) => {
        const groups: number[][] = [];
        const queue = queueOver(groups);
        await Promise.all(weights.map((events) => submit(queue, events)));
        expect(groups.flat()).toEqual(weights);
        const sum = (group: readonly number[]): number => group.reduce((total, events) => total + events, 0);
        for (const group of groups) expect(group.length === 1 || sum(group) <= LIMITS.events).toBe(true);
        // Nothing that would have fitted was left for the next one.
        for (const [index, group] of groups.entries())
          expect(sum(group) + (groups[index + 1]?.[0] ?? Infinity)).toBeGreaterThan(LIMITS.events);
      }),
      { numRuns: 50 },
    );
  });

  test('gives other work a turn between groups', async () => {
    const groups: number[][] = [];
    const queue = queueOver(groups);
    const seen: number[] = [];
    const watching = (async () => {
      while (groups.length < 3) {
        seen.push(groups.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await Promise.all([10, 10, 10].map((events) => submit(queue, events)));
    await watching;
    expect(seen).toEqual(expect.arrayContaining([0, 1, 2]));
  });

  test('does not let one that is too much take its neighbours with it', async () => {
    const groups: number[][] = [];
    const queue = queueOver(groups, { tooMuch: 5 });
    const settled = await Promise.allSettled([1, 5, 2].map((events) => submit(queue, events)));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(groups).toEqual([[1], [2]]);
  });

  test('rejects all where trying one by one could not help', async () => {
    const queue = queueOver([], { tooMuch: 5, alone: false });
    const settled = await Promise.allSettled([1, 5, 2].map((events) => submit(queue, events)));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await submit(queue, 1)).toBe(1);
  });

  test('tries those that failed together one a turn, and then together again', async () => {
    const groups: number[][] = [];
    const queue = queueOver(groups, { tooMuch: 5 });
    const first = Promise.allSettled([1, 5, 2].map((events) => submit(queue, events)));
    const turns: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      turns.push(groups.length);
    }
    expect(turns).toEqual([0, 1, 1, 2, 2, 2]);
    await first;
    await Promise.all([3, 4].map((events) => submit(queue, events)));
    expect(groups).toEqual([[1], [2], [3, 4]]);
  });

  test('gives what is refused its error, and its neighbours their result', async () => {
    const groups: number[][] = [];
    const queue = queueOver(groups, { refused: 5 });
    const settled = await Promise.allSettled([1, 5, 2].map((events) => submit(queue, events)));
    expect(settled).toMatchObject([{ value: 1 }, { reason: { message: 'refused 5' } }, { value: 2 }]);
    expect(groups).toEqual([[1, 5, 2]]);
  });

  test('takes requests into one transaction for so long, and the rest into the next', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 30 }), async (weights) => {
        const groups: number[][] = [];
        const queue = queueOver(groups, { msPerEvent: 9 });
        expect(await Promise.all(weights.map((events) => submit(queue, events)))).toEqual(weights);
        expect(groups.flat()).toEqual(weights);
        // All but the last one of a group began in time.
        for (const group of groups)
          expect(group.slice(0, -1).reduce((sum, events) => sum + events * 9, 0)).toBeLessThan(LIMITS.milliseconds);
        expect(groups.every((group) => group.length > 0)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
