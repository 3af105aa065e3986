import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atPosition, type LoggedEvent, type NewEvent } from '../../lib/events/logged-event.ts';
import { eventRow } from '../../store/event-codec.ts';
import { eventFrom } from '../../store/event-decoder.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { record } from '../../store/record.ts';
import { positionKey } from '../../store/tables.ts';
import { batchOf, everyKind, hookFailed, logLine, runEnded, runStarted, stepSettled } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

/** An event after it has been a row, as JSON text, and an event again. */
function throughRow(event: NewEvent): LoggedEvent {
  const row: unknown = JSON.parse(JSON.stringify(eventRow(event, 0)));
  return eventFrom(row, 1);
}

describe('an event as a row', () => {
  test.each(everyKind().map((event, index) => [event.type, event, index] as const))('is the event again (%s)', (_, event, index) => {
    const row: unknown = JSON.parse(JSON.stringify(eventRow(event, index)));
    expect(eventFrom(row, 20 + index)).toStrictEqual(atPosition(event, 20 + index, 20));
  });

  test.each(['materialize', 'refresh', 'live'] as const)('says in which mode a run is (%s), taken up from another one or not', (mode) => {
    for (const again of [null, { parent: 'p', root: 'r' }]) {
      const started = runStarted({ mode, again });
      expect(throughRow(started)).toStrictEqual({ ...started, position: 1 });
    }
  });

  test('is this list, for what bodies and hooks said', () => {
    expect(eventRow(logLine({ runId: 'r', time: 5, attempt: 2, level: 'warn', message: 'slow' }), 0)).toEqual(
      ['log-line', 'r', 5, 'graph', 'sub.step', 2, 'warn', 'slow', null],
    ); // prettier-ignore
    // Form c1 (byte 1) of null, and of the number 3.
    expect(eventRow(logLine({ data: null }), 0).at(-1)).toBe(Buffer.from([1, 0xf6]).toString('base64'));
    expect(eventRow(logLine({ data: 3 }), 0).at(-1)).toBe(Buffer.from([1, 3]).toString('base64'));
    const error = { name: 'TypeError', message: 'm' };
    expect(eventRow(hookFailed({ runId: 'r', time: 5, hook: 'onSkip', of: 'the run', error }), 0)).toEqual(
      ['hook-failed', 'r', 5, 'graph', 'sub.step', 'onSkip', 'the run', ['TypeError', 'm', null]],
    ); // prettier-ignore
    expect(eventRow(hookFailed({ error: { ...error, stack: 's' } }), 0).at(-1)).toEqual(['TypeError', 'm', 's']);
  });

  test('ends with the attempts, for a step that settled', () => {
    expect(eventRow(stepSettled({ runId: 'r', time: 5, attempts: 3 }), 0)).toEqual(
      ['step-settled', 'r', 5, 'graph', 'sub.step', 'op', '1', null, [], 'succeeded', [['result', ['v']]], null, [], 3],
    ); // prettier-ignore
  });

  test('ends with what a refresh verified, where it did', () => {
    const verified = { plan: 'sha256:p', position: 7, open: [1, 4], alone: [2], versions: { '': 'session:1', model: '2' } };
    expect(eventRow(runEnded({ runId: 'r', time: 5 }), 0)).toEqual(['run-ended', 'r', 5, 'succeeded']);
    expect(throughRow(runEnded({ verified }))).toEqual({ ...runEnded({ verified }), position: 1 });
    expect(throughRow(runEnded())).not.toHaveProperty('verified');
  });

  test('tells a line without data from one whose data is null', () => {
    expect(throughRow(logLine())).toHaveProperty('data', undefined);
    expect(throughRow(logLine({ data: null }))).toHaveProperty('data', null);
  });

  test('keeps whatever is said, as it was', () => {
    const level = fc.constantFrom('debug', 'info', 'warn', 'error');
    const lines = fc.record({ message: text(), level, attempt: fc.nat(), data: plain() });
    const thrown = fc.record(
      { name: text(), message: text(), stack: text() },
      { requiredKeys: ['name', 'message'], noNullPrototype: true },
    );
    const failures = fc.record({ hook: text(), of: text(), error: thrown });
    fc.assert(
      fc.property(fc.oneof(lines.map(logLine), failures.map(hookFailed)), (event) => {
        expect(throughRow(event)).toStrictEqual({ ...event, position: 1 });
      }),
    );
  });

  test('gives frozen data and errors', () => {
    const line = throughRow(logLine({ data: { list: [{ deep: 1 }] } }));
    const failed = throughRow(hookFailed());
    expect(line).toSatisfy((event: { data: { list: readonly object[] } }) =>
      [event, event.data, event.data.list, event.data.list[0]].every(Object.isFrozen),
    );
    expect(failed).toSatisfy((event: { error: object }) => [event, event.error].every(Object.isFrozen));
  });
});

describe('a row that was written before steps counted their attempts', () => {
  const before = (outcome: string, state: string): readonly unknown[] => [
    'step-settled', 'run', 5, 'graph', 'sub.step', 'op', '1', null, [['x', 'value', 'a', ['v'], 1]], outcome, [['result', state]], null, [],
  ]; // prettier-ignore

  test.each([
    ['succeeded', 'absent', 1],
    ['failed', 'failed', 1],
    ['skipped', 'absent', 0],
    ['blocked', 'blocked', 0],
    ['cancelled', 'failed', 0],
  ])('is read as one attempt where the body was called, and none otherwise (%s)', (outcome, state, attempts) => {
    expect(eventFrom(before(outcome, state), 2)).toStrictEqual({
      type: 'step-settled',
      runId: 'run',
      time: 5,
      definition: 'graph',
      step: 'sub.step',
      op: 'op',
      codeVersion: '1',
      config: null,
      inputs: [{ input: 'x', kind: 'value', origin: { from: 'asset', key: 'a' }, state: { state: 'value', version: 'v' }, position: 1 }],
      outcome,
      outputs: [{ output: 'result', state: { state }, address: null }],
      dropped: [],
      error: null,
      blockedBy: [],
      attempts,
      stateAddress: null,
      position: 2,
    });
  });

  test('is found in a store as any other', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.port.append(batchOf(logLine(), stepSettled({ attempts: 4 })));
    await store.close();
    const environment = await openLmdb(folder, { writable: true, label: 'an older Sluice' });
    const key = positionKey(2);
    environment.transact(() => environment.tables.events.putSync(key, record('events', key, before('succeeded', 'absent'))));
    await environment.close();
    const again = await openStore(folder);
    expect(await again.port.lastSettled([{ definition: 'graph', step: 'sub.step', output: 'result' }], 2)).toMatchObject([{ attempts: 1 }]);
    expect(await again.port.read(2, 1)).toMatchObject([{ type: 'step-settled', outcome: 'succeeded', attempts: 1 }]);
    await again.close();
  });

  test('keeps the address of its state, beside what it dropped and without', () => {
    const stateAddress = `sha256:${'a'.repeat(64)}`;
    expect(throughRow(stepSettled({ stateAddress }))).toMatchObject({ stateAddress, dropped: [] });
    expect(throughRow(stepSettled({ stateAddress, dropped: ['b'] }))).toMatchObject({ stateAddress, dropped: ['b'] });
    expect(throughRow(stepSettled({ dropped: ['b'] }))).toMatchObject({ stateAddress: null, dropped: ['b'] });
  });

  test('stays as it is: no attempts are never read as one', () => {
    expect(throughRow(stepSettled({ attempts: 0 }))).toHaveProperty('attempts', 0);
    expect(throughRow(stepSettled({ outcome: 'cancelled', attempts: 2 }))).toHaveProperty('attempts', 2);
  });
});

/** Text with whatever in it, lone surrogates too. */
function text(): fc.Arbitrary<string> {
  return fc.string({ unit: fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code)) });
}

/** Plain data, such as bodies log. */
function plain(): fc.Arbitrary<unknown> {
  return fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true });
}
