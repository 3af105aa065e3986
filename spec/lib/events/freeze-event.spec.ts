import { describe, expect, test } from 'vitest';
import { freezeEvent } from '../../../lib/events/freeze-event.ts';
import { atPosition } from '../../../lib/events/logged-event.ts';
import { everyKind } from '../../kit/sample-events.ts';

function thawed(value: unknown, path = '$'): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.entries(value).flatMap(([key, member]) => thawed(member, `${path}.${key}`));
  return Object.isFrozen(value) ? inside : [path, ...inside];
}

describe('a logged event', () => {
  test.each(everyKind().map((event) => [`${event.type} ${'step' in event ? event.step : ''}`, event] as const))(
    'is frozen all the way down, metadata and data aside (%s)',
    (_, event) => {
      expect(thawed(freezeEvent(atPosition(event, 5, 1))).filter((path) => !/^\$\.(metadata|data)\b/.test(path))).toEqual([]);
    },
  );

  test('has its references turned into positions', () => {
    const [, , settled] = everyKind();
    expect(settled && atPosition(settled, 13, 11)).toMatchObject({
      position: 13,
      inputs: [{ position: 12 }, { position: 1 }, { position: null }],
    });
  });
});
