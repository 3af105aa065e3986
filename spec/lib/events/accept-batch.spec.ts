import { describe, expect, test } from 'vitest';
import { acceptBatch } from '../../../lib/events/accept-batch.ts';
import {
  batchOf,
  everyKind,
  logLine,
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
    const [tags, selection, metadata, data] = [{ a: 'b' }, [sampleKey('a')], { list: [{ deep: 1 }] }, { list: [{ deep: 1 }] }];
    acceptBatch(batchOf(runStarted({ tags, selection }), materialized('a', { metadata }), logLine({ data })));
    for (const given of [tags, selection, metadata, metadata.list, metadata.list[0]]) expect(Object.isFrozen(given)).toBe(true);
    for (const given of [data, data.list, data.list[0]]) expect(Object.isFrozen(given)).toBe(true);
  });

  test('unless its metadata cannot be stored, which the message says where', () => {
    const bad = batchOf(sourceObserved('s'), materialized('a', { metadata: { list: [1, () => 1] } }));
    expect(() => acceptBatch(bad)).toThrow(
      expect.objectContaining({ code: 'VALUE_NOT_STORABLE', details: { key: 'a', path: '$.list[1]' } }),
    );
  });

  test('unless the data of a log line cannot be stored, which the message says where', () => {
    const bad = batchOf(logLine(), logLine({ step: 'sub.step', data: { list: [1, () => 1] } }));
    expect(() => acceptBatch(bad)).toThrow(
      expect.objectContaining({
        code: 'VALUE_NOT_STORABLE',
        message: 'The data of a log line of step "graph:sub.step" cannot be stored: what is at $.list[1] is a function. Give plain data.',
        details: { definition: 'graph', step: 'sub.step', path: '$.list[1]' },
      }),
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
