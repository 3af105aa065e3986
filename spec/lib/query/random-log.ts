import fc from 'fast-check';
import type { InputEntryRecord, NewEvent } from '../../../lib/events/logged-event.ts';
import {
  absent,
  logLine,
  materialized,
  missed,
  runStarted,
  sampleKey,
  sourceObserved,
  stepSettled,
  unchanged,
} from '../../kit/sample-events.ts';

interface Seed {
  readonly kind: 'source' | 'step' | 'alone' | 'noise';
  readonly name: number;
  readonly reads: readonly number[];
  readonly outputs: readonly ('output' | 'materialized' | 'unchanged' | 'absent')[];
  readonly outcome: 'succeeded' | 'skipped' | 'failed';
}

const outputs = fc.array(fc.constantFrom('output', 'output', 'materialized', 'materialized', 'unchanged', 'absent'), {
  maxLength: 4,
});

const seed: fc.Arbitrary<Seed> = fc.record({
  kind: fc.constantFrom('source', 'step', 'step', 'step', 'step', 'alone', 'noise'),
  name: fc.nat({ max: 3 }),
  reads: fc.array(fc.nat({ max: 40 }), { maxLength: 3 }),
  outputs,
  outcome: fc.constantFrom('succeeded', 'succeeded', 'succeeded', 'skipped', 'failed'),
});

type Origin = Pick<InputEntryRecord, 'origin' | 'position'>;

/** Logs in which what is read was there before, whatever else is in them: also assets without a step, and steps that failed. */
export function randomLog(): fc.Arbitrary<readonly NewEvent[]> {
  return fc.array(seed, { minLength: 1, maxLength: 60, size: 'max' }).map((seeds) => {
    const log: NewEvent[] = [];
    const origins: Origin[] = [];
    seeds.forEach((each, index) => write(each, index, { log, origins }));
    return log;
  });
}

interface Writing {
  readonly log: NewEvent[];
  readonly origins: Origin[];
}

function write({ kind, name, reads, outputs, outcome }: Seed, index: number, { log, origins }: Writing): void {
  const addVersion = (event: NewEvent, key: string): void => {
    log.push(event);
    origins.push({ origin: { from: 'asset', key: sampleKey(key) }, position: log.length });
  };
  if (kind === 'noise') return void log.push(name === 0 ? runStarted() : name === 1 ? missed('m') : logLine());
  if (kind === 'source') return addVersion(sourceObserved(`x${name}`, { version: `v${index}` }), `x${name}`);
  const inputs = reads.flatMap((back, place): InputEntryRecord[] => {
    const from = origins[origins.length - 1 - (back % Math.max(1, origins.length))];
    const kinds = ['value', 'list', 'nothing'] as const;
    const input = { input: `i${place}`, kind: kinds[back % 3] ?? 'value', state: { state: 'value', version: 'v' } } as const;
    return from === undefined
      ? [{ ...input, origin: { from: 'asset', key: sampleKey('never') }, position: null }]
      : [{ ...input, ...from }];
  });
  const step = { step: `s${name}`, inputs, runId: `run${index % 2}` };
  if (kind === 'alone') return addVersion(unchanged(`a${name}`, { ...step, output: 'lone' }), `a${name}`);
  const states = outputs.map((output, place) => ({
    output: `o${place}`,
    state:
      outcome === 'failed'
        ? ({ state: 'failed' } as const)
        : output === 'absent'
          ? ({ state: 'absent' } as const)
          : ({ state: 'value', version: 'v' } as const),
    address: null,
  }));
  log.push(stepSettled({ ...step, outcome, outputs: states }));
  const settled = log.length;
  outputs.forEach((output, place) => {
    const own = { ...step, output: `o${place}` };
    const key = `a${name}_${place}`;
    // Nothing that succeeds has read what failed.
    if (outcome !== 'failed')
      origins.push({ origin: { from: 'step', definition: 'graph', step: step.step, output: own.output }, position: settled });
    if (output === 'output') return;
    if (outcome === 'failed') log.push({ ...missed(key), ...own });
    else if (output === 'absent') addVersion({ ...absent(key), ...own }, key);
    else addVersion(output === 'unchanged' ? unchanged(key, own) : materialized(key, own), key);
  });
}
