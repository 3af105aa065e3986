import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GroupCommit } from '../../store/group-commit.ts';

const LIMITS = { events: 10, bytes: 100 };

/** A queue over a list: requests are weights, and one of `tooMuch` or more events fails. */
function queueOver(groups: number[][], { tooMuch = Infinity, alone = true } = {}): GroupCommit<number, number> {
  return new GroupCommit({
    commit: (requests) => {
      if (requests.some((events) => events >= tooMuch)) throw new Error('too much');
      groups.push([...requests]);
      return requests;
    },
    mayFitAlone: () => alone,
    limits: LIMITS,
  });
}

const submit = (queue: GroupCommit<number, number>, events: number): Promise<number> => queue.submit(events, { events, bytes: events * 2 });

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
});
