import { Readable } from 'node:stream';
import { concat, NEVER, of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { feed, live, type FeedOptions } from '../../../index.ts';
import { ready } from '../rig/deferred.ts';
import { chain } from '../rig/live-rig.ts';
import { manualClock } from '../rig/manual-clock.ts';

/** What a service of a feed ends with, however often that is opened again before. */
async function endOf(options: FeedOptions<number, number>): Promise<string> {
  const clock = manualClock();
  const service = await live(chain(), { clock, sources: { x: feed<number>({ overflow: 'error', ...options }) } });
  let said = '';
  service.closed.catch((error: Error) => (said = error.message));
  for (let turn = 0; turn < 200 && said === ''; turn += 1) {
    await ready(3);
    clock.advance(1);
  }
  return said;
}

const cutOff = (): Promise<never> => Promise.reject(new Error('cut off.'));
const noNegatives = (_: number | undefined, item: number): number => {
  if (item < 0) throw new RangeError('below zero');
  return item;
};

describe('the end of a service whose feed failed says what happened, how often it was opened again, and what to do', () => {
  const failing: readonly (readonly [string, FeedOptions<number, number>, string])[] = [
    ['where it has no "restart"', { from: cutOff }, 'Mend it, or give it "restart" so that it is opened again.'],
    [
      'where "restart" is used up',
      { from: cutOff, restart: { max: 3, delayMs: 1 } },
      'It had been opened again 3 times in a row, and its "restart" allows no more ("max": 3). Mend it, or raise "max" or its delays.',
    ],
    [
      'where that was once',
      { from: cutOff, restart: { max: 1, delayMs: 1 } },
      'It had been opened again once in a row, and its "restart" allows no more ("max": 1). Mend it, or raise "max" or its delays.',
    ],
    [
      'where "when" does not want it',
      { from: cutOff, restart: { max: 9, delayMs: 1, when: (_, failures) => failures < 3 } },
      'It had been opened again 2 times by then, and "when" of its "restart" says not to open it again after that: mend it, or have "when" allow it.',
    ],
  ];
  test.each(failing)('%s', async (_, options, cure) => {
    expect(await endOf(options)).toBe(`The feed of source "x" failed: cut off. ${cure}`);
  });

  test('where items were lost, which nothing makes up for', async () => {
    const said = await endOf({ from: () => concat(of(1, -1, 2), NEVER), fold: noNegatives, restart: { max: 2, delayMs: 1 } });
    expect(said).toBe(
      'The feed of source "x" failed: below zero. It had been opened again 2 times in a row or after it had lost items, as it did 3 times, and its "restart" allows no more ("max": 2). Mend it, or raise "max", or give an origin that can replay, with "offset".',
    );
  });

  test('where "when" itself fails', async () => {
    const when = (): boolean => {
      throw new RangeError('no idea');
    };
    expect(await endOf({ from: cutOff, restart: { max: 3, when } })).toBe(
      'The feed of source "x" failed: no idea. It had been opened again 0 times by then. That is what "when" of its "restart" threw, asked about: cut off. Mend "when".',
    );
  });

  test('where nothing opens it again: what it could not acknowledge, and what it could not apply when it was at its end', async () => {
    const restart = { max: 9, delayMs: 1 };
    expect(await endOf({ from: () => Readable.from([1]), overflow: 'block', restart, acknowledge: cutOff })).toBe(
      'The feed of source "x" failed: cut off. That was its "acknowledge", which no "restart" calls again: have it try again itself.',
    );
    expect(await endOf({ from: () => of(-1), restart, fold: noNegatives })).toBe(
      'The feed of source "x" failed: below zero. Its origin had come to its end, and is not opened again after that: mend the item, or its "fold".',
    );
  });
});
