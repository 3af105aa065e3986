import assert from 'node:assert/strict';
import { isMissed, isReadable, type NewEvent, type SettledOutput } from '../../lib/events/logged-event.ts';
import type { OutputId } from '../../lib/events/store-port.ts';
import { assetKey } from '../../lib/model/asset-key.ts';
import {
  absent,
  batchOf,
  materialized,
  missed,
  runEnded,
  runStarted,
  sampleKey,
  sourceObserved,
  stepSettled,
  unchanged,
} from './sample-events.ts';
import type { Checks } from './store-check.ts';

/** Names that trip what keys by strings: as properties, by length, by encoding. */
const ODD_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  '0',
  'a',
  'a ',
  'A',
  'é',
  'e\u0301',
  '🦊',
  '\ud83e',
  '\udd8a',
  '\ufffd',
  '\0',
  'a\0',
  '"',
  ']',
  ',',
  'x'.repeat(1000),
];
const LONG_KEY = Array.from({ length: 10 }, (_, index) => String(index).repeat(1000)).join('/');

const value = (output: string): SettledOutput => ({
  address: null,
  output,
  state: { state: 'value', version: 'v' },
});

const failed = { outcome: 'failed', error: { code: 'OP_THREW', message: '' } } as const;

/** Finding events: by key, by output, as of any position. */
export const indexChecks: Checks = {
  'gives what readers get of a key as of every position': async ({ store, settled }) => {
    const events: readonly NewEvent[] = [
      sourceObserved('a'),
      materialized('b'),
      unchanged('b'),
      absent('b'),
      missed('b'),
      sourceObserved('a'),
      materialized('b'),
      missed('b', 'asset-blocked'),
      missed('a', 'asset-cancelled'),
    ];
    for (const event of events) await store.port.append(batchOf(event));
    const { port } = await settled();
    const log = (await port.read(1, 100)).filter(isReadable);
    for (let at = -1; at <= events.length + 1; at += 1) {
      const expected = ['b', 'a', 'none', 'b'].map((key) => log.findLast((event) => event.key === key && event.position <= at));
      const keys = [sampleKey('b'), sampleKey('a'), sampleKey('none'), sampleKey('b')];
      assert.deepEqual(await port.readable(keys, at), expected, `at ${at}`);
      const positions = expected.map((event) => event?.position);
      assert.deepEqual((await port.readableAt?.(keys, at)) ?? positions, positions, `at ${at}`);
    }
  },

  'takes every position from the first to the last there can be': async ({ store, settled }) => {
    await store.port.append(batchOf(sourceObserved('a')));
    const { port } = await settled();
    for (const at of [1, 2 ** 31, 2 ** 48, Number.MAX_SAFE_INTEGER, Infinity])
      assert.equal((await port.readable([sampleKey('a')], at))[0]?.position, 1, `at ${at}`);
    for (const at of [0, -1, -Infinity]) assert.equal((await port.readable([sampleKey('a')], at))[0], undefined, `at ${at}`);
  },

  'remembers for each output the last step that succeeded with it in need': async ({ store, settled }) => {
    const id = (output: string, step = 'sub.step', definition = 'graph'): OutputId => ({ definition, step, output });
    await store.port.append(batchOf(stepSettled({ outputs: [value('x'), value('y')] }), stepSettled({ outputs: [value('y')] })));
    await store.port.append(
      batchOf(stepSettled({ ...failed, outputs: [value('x')] }), stepSettled({ outcome: 'skipped', outputs: [value('x')] })),
    );
    await store.port.append(
      batchOf(stepSettled({ step: 'other', outputs: [value('x')] }), stepSettled({ definition: 'second', outputs: [value('x')] })),
    );
    const { port } = await settled();
    const positions = async (at: number): Promise<readonly (number | undefined)[]> =>
      (await port.lastSettled([id('x'), id('y'), id('z'), id('x', 'other'), id('x', 'sub.step', 'second')], at)).map(
        (event) => event?.position,
      );
    assert.deepEqual(await positions(6), [1, 2, undefined, 5, 6]);
    assert.deepEqual(await positions(1), [1, 1, undefined, undefined, undefined]);
    assert.deepEqual(await positions(0), [undefined, undefined, undefined, undefined, undefined]);
    assert.deepEqual(await port.lastSettled([id('x')], 6), await port.read(1, 1));
  },

  'remembers for each output the last success before a position, and that it was dropped': async ({ store, settled }) => {
    const id = (output: string): OutputId => ({ definition: 'graph', step: 'sub.step', output });
    await store.port.append(
      batchOf(
        stepSettled({ outputs: [value('x'), value('y')] }),
        sourceObserved('a'),
        stepSettled({ outputs: [value('x')], dropped: ['y'] }),
        stepSettled({ ...failed, outputs: [value('x')] }),
        stepSettled({ outputs: [value('y')] }),
      ),
    );
    const { port } = await settled();
    const log = await port.read(1, 100);
    for (let at = 0; at <= 6; at += 1) {
      for (const before of [undefined, 0, 1, 2, 3, 4, 5, 6, 100]) {
        const last = (output: string): unknown => {
          const found = log.findLast(
            (event) =>
              event.type === 'step-settled' &&
              event.outcome === 'succeeded' &&
              event.position <= at &&
              event.position < (before ?? Infinity) &&
              (event.dropped.includes(output) || event.outputs.some((each) => each.output === output)),
          );
          return found?.type === 'step-settled' && found.outputs.some((each) => each.output === output) ? found : undefined;
        };
        const questions = ['y', 'x', 'z'].map((output) => (before === undefined ? id(output) : { ...id(output), before }));
        assert.deepEqual(await port.lastSettled(questions, at), ['y', 'x', 'z'].map(last), `at ${at}, before ${before}`);
      }
    }
    // Each question for itself.
    const mixed = [{ ...id('x'), before: 3 }, id('x'), { ...id('y'), before: 5 }, { ...id('y'), before: 3 }];
    assert.deepEqual(
      (await port.lastSettled(mixed, 100)).map((event) => event?.position),
      [1, 3, undefined, 1],
    );
  },

  'gives what told last that an asset did not come, as of every position': async ({ store, settled }) => {
    const events: readonly NewEvent[] = [
      missed('a'),
      materialized('a'),
      missed('b', 'asset-blocked'),
      missed('a', 'asset-cancelled'),
      stepSettled({ ...failed }),
      absent('b'),
      missed('b'),
      sourceObserved('c'),
      unchanged('a'),
    ];
    for (const event of events) await store.port.append(batchOf(event));
    const { port } = await settled();
    const log = (await port.read(1, 100)).filter(isMissed);
    for (let at = -1; at <= events.length + 1; at += 1) {
      const expected = ['b', 'a', 'c', 'none', 'b'].map((key) => log.findLast((event) => event.key === key && event.position <= at));
      assert.deepEqual(await port.missed(['b', 'a', 'c', 'none', 'b'].map(sampleKey), at), expected, `at ${at}`);
    }
    assert.deepEqual(
      (await port.missed([sampleKey('a'), sampleKey('b')], Infinity)).map((event) => event?.position),
      [4, 7],
    );
  },

  'tells keys apart, however alike, odd or long they are': async ({ store, settled }) => {
    const keys = [
      ...ODD_NAMES.map((name) => assetKey([name], 'a check')),
      sampleKey('a/a'),
      sampleKey(LONG_KEY),
      sampleKey(`${LONG_KEY.slice(0, -1)}!`),
    ];
    await store.port.append(batchOf(...keys.map((key) => sourceObserved(key))));
    const { port } = await settled();
    const found = await port.readable(keys, Infinity);
    assert.deepEqual(
      found.map((event) => event?.key),
      keys,
    );
    assert.deepEqual(
      found.map((event) => event?.position),
      keys.map((_, index) => index + 1),
    );
  },

  'tells outputs and runs apart, however alike, odd or long their names are': async ({ store, settled }) => {
    const ids = ODD_NAMES.flatMap((name): readonly OutputId[] => [
      { definition: name, step: 's', output: 'o' },
      { definition: 'd', step: name, output: 'o' },
      { definition: 'd', step: 's', output: name },
    ]);
    const [split, joined] = [
      { definition: 'ab', step: 'c', output: 'd' },
      { definition: 'a', step: 'bc', output: 'd' },
    ] as const;
    const all = [...ids, split, joined];
    await store.port.append(
      batchOf(...all.map(({ definition, step, output }) => stepSettled({ definition, step, outputs: [value(output)] }))),
    );
    await store.port.append(
      batchOf(...ODD_NAMES.map((runId) => runStarted({ runId })), ...ODD_NAMES.toReversed().map((runId) => runEnded({ runId }))),
    );
    const { port } = await settled();
    assert.deepEqual(
      (await port.lastSettled(all, Infinity)).map((event) => event?.position),
      all.map((_, index) => index + 1),
    );
    assert.deepEqual(
      (await port.runs()).map(({ started, ended }) => [started.runId, ended?.runId]),
      ODD_NAMES.map((runId) => [runId, runId]),
    );
  },

  'answers thousands of questions at once': async ({ store, settled }) => {
    const keys = Array.from({ length: 1500 }, (_, index) => sampleKey(`k/${index}`));
    await store.port.append(batchOf(...keys.map((key) => sourceObserved(key))));
    const { port } = await settled();
    assert.deepEqual(
      (await port.readable([...keys, ...keys], Infinity)).map((event) => event?.key),
      [...keys, ...keys],
    );
  },
};
