import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecentObjects } from '../../../../lib/kernel/value/recent-objects.ts';

describe('facts about objects', () => {
  test('are never those of another object, and those of the last ones asked for are there', () => {
    const step = fc.record({ key: fc.nat({ max: 30 }), fact: fc.option(fc.nat(), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (steps, most) => {
        const objects = Array.from({ length: 31 }, () => ({}));
        const recent = new RecentObjects<number>(most);
        const model = new Map<number, number>();
        for (const { key, fact } of steps) {
          const object = objects[key] ?? {};
          const known = recent.get(object);
          // The order of a Map is that of the last touch. What came before the last ones may still be known.
          const isLate = [...model.keys()].slice(-most).includes(key);
          expect(known === undefined && !isLate ? undefined : model.get(key)).toBe(known);
          if (fact !== undefined) recent.set(object, fact);
          const now = fact ?? known;
          if (now === undefined) continue;
          model.delete(key);
          model.set(key, now);
        }
      }),
    );
  });

  test('are forgotten when many came after them', () => {
    const recent = new RecentObjects<string>(10);
    const [first, kept] = [{}, {}];
    recent.set(first, 'first');
    recent.set(kept, 'kept');
    for (let turn = 0; turn < 20; turn += 1) {
      recent.set({}, 'one of many');
      expect(recent.get(kept)).toBe('kept');
    }
    expect(recent.get(first)).toBeUndefined();
  });
});
