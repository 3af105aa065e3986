import { describe, expect, test } from 'vitest';
import { acceptBatch } from '../../../lib/events/accept-batch.ts';
import {
  batchOf,
  everyKind,
  materialized,
  runStarted,
  sampleKey,
  sampleValue,
  sourceObserved,
  stepSettled,
} from '../../kit/sample-events.ts';

describe('a batch is taken over', () => {
  test('with every kind of event', () => {
    expect(() => acceptBatch({ events: everyKind(), values: [sampleValue(1)] })).not.toThrow();
  });

  test('with what users may hold of it frozen', () => {
    const [tags, selection, metadata] = [{ a: 'b' }, [sampleKey('a')], { list: [{ deep: 1 }] }];
    acceptBatch(batchOf(runStarted({ tags, selection }), materialized('a', { metadata })));
    for (const given of [tags, selection, metadata, metadata.list, metadata.list[0]]) expect(Object.isFrozen(given)).toBe(true);
  });

  test('unless its metadata cannot be stored, which the message says where', () => {
    const bad = batchOf(sourceObserved('s'), materialized('a', { metadata: { list: [1, () => 1] } }));
    expect(() => acceptBatch(bad)).toThrow(
      expect.objectContaining({ code: 'VALUE_NOT_STORABLE', details: { key: 'a', path: '$.list[1]' } }),
    );
  });

  test.each([
    [
      'a reference to itself',
      batchOf(
        stepSettled({
          inputs: [
            {
              input: 'x',
              kind: 'value',
              origin: { from: 'asset', key: sampleKey('a') },
              state: { state: 'absent' },
              position: { inBatch: 0 },
            },
          ],
        }),
      ),
    ],
    ['no time', batchOf(sourceObserved('s', { time: NaN }))],
    ['an address that is no hash', { events: [], values: [{ address: 'a', bytes: new Uint8Array() }] }],
    ['an address in capitals', { events: [], values: [{ address: sampleValue(1).address.toUpperCase(), bytes: new Uint8Array() }] }],
  ])('unless it has %s, which only a bug can give it', (_, batch) => {
    expect(() => acceptBatch(batch)).toThrow(/^Sluice bug/);
  });
});
