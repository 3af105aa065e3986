import type {
  AssetMaterialized,
  AssetMissed,
  AssetUnchanged,
  AssetAbsent,
  HookFailed,
  LogLine,
  NewEvent,
  RunEnded,
  RunStarted,
  SourceObserved,
  StepSettled,
} from '../../lib/events/logged-event.ts';
import type { PositionRef } from '../../lib/events/position.ts';
import type { AppendBatch, StoredValue } from '../../lib/events/store-port.ts';
import { encodeValue } from '../../lib/kernel/value/canonical.ts';
import { address } from '../../lib/kernel/value/version.ts';
import { assetKey, type AssetKey } from '../../lib/model/asset-key.ts';

const TIME = 1_700_000_000_000;

/** A key, as any user would write it. */
export function sampleKey(key: string): AssetKey {
  return assetKey(key, 'a sample');
}

/** A value as stores keep it. */
export function sampleValue(value: unknown): StoredValue {
  const bytes = encodeValue(value);
  return { address: address(bytes), bytes };
}

/** A batch of these events, without values. */
export function batchOf(...events: readonly NewEvent[]): AppendBatch {
  return { events, values: [] };
}

const step = {
  runId: 'run',
  time: TIME,
  definition: 'graph',
  step: 'sub.step',
  op: 'op',
  codeVersion: '1',
  config: null,
  inputs: [],
} as const;

/** A run that starts. */
export function runStarted(fields: Partial<RunStarted> = {}): RunStarted {
  return {
    type: 'run-started',
    runId: 'run',
    time: TIME,
    mode: 'materialize',
    selection: [sampleKey('a'), sampleKey('b/c')],
    policies: { unselectedOutputs: 'discard', inGraphUpstream: 'auto', crossGraphUpstream: 'load' },
    planHash: 'plan',
    readsAt: 0,
    tags: {},
    causedBy: null,
    again: null,
    ...fields,
  };
}

/** A run that ends. */
export function runEnded(fields: Partial<RunEnded> = {}): RunEnded {
  return { type: 'run-ended', runId: 'run', time: TIME, status: 'succeeded', ...fields };
}

/** A source that is observed, with the value's place as version and address. */
export function sourceObserved(key: string, fields: Partial<SourceObserved> = {}): SourceObserved {
  const { address: at } = sampleValue(key);
  return { type: 'source-observed', runId: null, time: TIME, key: sampleKey(key), version: at, address: at, offset: null, ...fields };
}

/** A step that succeeded with one output. */
export function stepSettled(fields: Partial<StepSettled<PositionRef>> = {}): StepSettled<PositionRef> {
  return {
    type: 'step-settled',
    ...step,
    outcome: 'succeeded',
    outputs: [{ output: 'result', state: { state: 'value', version: 'v' }, address: null }],
    dropped: [],
    error: null,
    blockedBy: [],
    attempts: 1,
    stateAddress: null,
    ...fields,
  };
}

/** An asset that got a value. */
export function materialized(key: string, fields: Partial<AssetMaterialized<PositionRef>> = {}): AssetMaterialized<PositionRef> {
  const { address: at } = sampleValue(key);
  return {
    type: 'asset-materialized',
    ...step,
    output: 'result',
    key: sampleKey(key),
    partition: null,
    version: at,
    address: at,
    metadata: {},
    unexpected: false,
    ...fields,
  };
}

/** An asset that came out as before. */
export function unchanged(key: string, fields: Partial<AssetUnchanged<PositionRef>> = {}): AssetUnchanged<PositionRef> {
  const { address: at } = sampleValue(key);
  return {
    type: 'asset-unchanged',
    ...step,
    output: 'result',
    key: sampleKey(key),
    partition: null,
    version: at,
    address: at,
    metadata: {},
    ...fields,
  };
}

/** An asset that has no value now. */
export function absent(key: string): AssetAbsent<PositionRef> {
  return { type: 'asset-absent', ...step, output: 'result', key: sampleKey(key), partition: null };
}

/** An asset that did not come. */
export function missed(key: string, type: AssetMissed['type'] = 'asset-failed'): AssetMissed<PositionRef> {
  return { type, ...step, output: 'result', key: sampleKey(key), partition: null };
}

/** A line of a body's log, without data. */
export function logLine(fields: Partial<LogLine> = {}): LogLine {
  return {
    type: 'log-line',
    runId: 'run',
    time: TIME,
    definition: 'graph',
    step: 'sub.step',
    attempt: 1,
    level: 'info',
    message: 'm',
    data: undefined,
    ...fields,
  };
}

/** A hook that threw. */
export function hookFailed(fields: Partial<HookFailed> = {}): HookFailed {
  return {
    type: 'hook-failed',
    runId: 'run',
    time: TIME,
    definition: 'graph',
    step: 'sub.step',
    hook: 'onFailure',
    of: 'op "op"',
    error: { name: 'Error', message: 'm' },
    ...fields,
  };
}

/** One event of every kind, with every field that may be left empty once filled and once empty. */
export function everyKind(): readonly NewEvent[] {
  return [
    ...stepsOfEveryKind(),
    ...stepsThatDidNotSucceed(),
    ...assetsOfEveryKind(),
    ...whatBodiesAndHooksSaid(),
    runEnded({ runId: 'full', status: 'failed' }),
  ];
}

function stepsOfEveryKind(): readonly NewEvent[] {
  return [
    runStarted({ runId: 'full', tags: { team: 'blue', ['__proto__']: 'tag', 'kéy 🦊': '' }, causedBy: 'cron', readsAt: 7 }),
    sourceObserved('source', { runId: 'full', offset: '42' }),
    stepSettled({
      config: 'hash',
      inputs: [
        {
          input: 'x',
          kind: 'value',
          origin: { from: 'asset', key: sampleKey('source') },
          state: { state: 'value', version: 'v' },
          position: { inBatch: 1 },
        },
        {
          input: 'y',
          kind: 'list',
          origin: { from: 'step', definition: 'graph', step: 'one', output: 'o' },
          state: { state: 'absent' },
          position: 1,
        },
        { input: 'z', kind: 'nothing', origin: { from: 'asset', key: sampleKey('a/b') }, state: { state: 'failed' }, position: null },
      ],
      outputs: [
        { output: 'result', state: { state: 'value', version: 'v' }, address: null },
        { output: 'other', state: { state: 'absent' }, address: null },
      ],
    }),
  ];
}

function stepsThatDidNotSucceed(): readonly NewEvent[] {
  return [
    stepSettled({
      step: 'failed',
      attempts: 3,
      outcome: 'failed',
      outputs: [{ output: 'result', state: { state: 'failed' }, address: null }],
      error: { code: 'OP_THREW', message: 'm', cause: { name: 'Error', message: 'c', stack: 's\n s' } },
    }),
    stepSettled({
      step: 'unstacked',
      outcome: 'failed',
      outputs: [],
      error: { code: 'OP_THREW', message: 'cut \ud83d', cause: { name: 'E', message: '' } },
    }),
    stepSettled({ step: 'undeclared', outcome: 'failed', outputs: [], error: { code: 'OUTPUT_MISSING', message: '' } }),
    stepSettled({
      step: 'blocked',
      attempts: 0,
      outcome: 'blocked',
      outputs: [{ output: 'result', state: { state: 'blocked' }, address: null }],
      blockedBy: ['graph:failed', 'graph:unstacked'],
    }),
    stepSettled({
      step: 'skipped',
      attempts: 0,
      outcome: 'skipped',
      outputs: [{ output: 'result', state: { state: 'absent' }, address: null }],
    }),
    stepSettled({ step: 'cancelled', attempts: 0, outcome: 'cancelled', outputs: [] }),
    stepSettled({ step: 'cancelled late', attempts: 2, outcome: 'cancelled', outputs: [] }),
  ];
}

function assetsOfEveryKind(): readonly NewEvent[] {
  return [
    materialized('a', {
      metadata: { rows: 3, deep: { list: [1, null, 'x'] } },
      unexpected: true,
      inputs: [
        {
          input: 'x',
          kind: 'value',
          origin: { from: 'step', definition: 'graph', step: 'sub.step', output: 'result' },
          state: { state: 'value', version: 'v' },
          position: { inBatch: 2 },
        },
      ],
    }),
    materialized('elsewhere', { address: null, version: 'run:1' }),
    unchanged('b/c', { metadata: { rows: 3 } }),
    absent('d'),
    missed('e', 'asset-failed'),
    missed('f', 'asset-blocked'),
    missed('g', 'asset-cancelled'),
  ];
}

function whatBodiesAndHooksSaid(): readonly NewEvent[] {
  return [
    logLine({ step: 'silent', level: 'debug', message: '' }),
    logLine({ level: 'info', message: 'cut \ud83d', data: { rows: 3, deep: { list: [1, null, 'x'] }, ['__proto__']: 1, none: undefined } }),
    logLine({ level: 'warn', attempt: 2, data: null }),
    // A Date cannot be frozen: readers of the line may not share it.
    logLine({ level: 'error', attempt: 3, data: [new Date(5), -0, 12n] }),
    hookFailed({ error: { name: 'TypeError', message: 'cut \ud83d', stack: 's\n s' } }),
    hookFailed({ hook: 'onMaterialization', of: 'the run', error: { name: 'Error', message: '' } }),
  ];
}
