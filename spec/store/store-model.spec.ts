import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atPosition, isReadable, type LoggedEvent, type NewEvent } from '../../lib/events/logged-event.ts';
import type { PositionRef } from '../../lib/events/position.ts';
import type { AppendBatch, Appended, LivePort, OutputId, StepId, StorePort } from '../../lib/events/store-port.ts';
import { livePort } from '../../lib/events/tail.ts';
import { StoreError } from '../../lib/kernel/errors.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { openStore } from '../../store/open-store.ts';
import {
  absent,
  materialized,
  missed,
  runEnded,
  runStarted,
  sampleKey,
  sampleValue,
  sourceObserved,
  stepSettled,
  unchanged,
} from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

/** The store as one could write it down on a napkin: a list, searched from its end. */
class Model {
  readonly log: LoggedEvent[] = [];
  readonly values = new Map<string, string>();
  readonly offsets = new Map<string, string>();
  readonly named = new Map<string, { readonly content: unknown; readonly first: number; readonly last: number }>();

  /** What each id was first asked for with. */
  readonly firstById = new Map<number, AppendBatch>();

  append(batch: AppendBatch): unknown {
    const { events, values, id } = batch;
    const offsets = batch.offsets ?? [];
    const content = [events.map((event) => ({ ...event, time: 0 })), values.map(({ address }) => address), offsets];
    const named = id === undefined ? undefined : this.named.get(id);
    if (named !== undefined) {
      const { first, last } = named;
      return isDeepStrictEqual(named.content, content) ? { first, last, duplicate: true } : { code: 'IDEMPOTENCY_CONFLICT', first, last };
    }
    const next = this.log.length + 1;
    if (batch.at !== undefined && batch.at !== next) return { code: 'VERSION_CONFLICT', expected: batch.at, found: next };
    for (const { key, position } of batch.expected ?? []) {
      const found = this.readable(key, this.log.length)?.position ?? 0;
      if (found !== position) return { code: 'VERSION_CONFLICT', key, expected: position, found };
    }
    const first = this.log.length + 1;
    this.log.push(...events.map((event, index) => atPosition(event, first + index, first)));
    for (const { address, bytes } of values) this.values.set(address, Buffer.from(bytes).toString('hex'));
    for (const { key, offset } of offsets) this.offsets.set(key, offset);
    if (id !== undefined) this.named.set(id, { content, first, last: this.log.length });
    return { first, last: this.log.length, duplicate: false };
  }

  readable(key: string, at: number): LoggedEvent | undefined {
    return this.log.findLast((event) => event.position <= at && isReadable(event) && event.key === key);
  }

  lastSettled(id: OutputId, at: number): LoggedEvent | undefined {
    return this.log.findLast(
      (event) =>
        event.position <= at &&
        event.type === 'step-settled' &&
        event.outcome === 'succeeded' &&
        event.definition === id.definition &&
        event.step === id.step &&
        event.outputs.some(({ output }) => output === id.output),
    );
  }

  lastUnsuccessful({ definition, step }: StepId, at: number): LoggedEvent | undefined {
    return this.log.findLast(
      (event) =>
        event.position <= at &&
        event.type === 'step-settled' &&
        event.outcome !== 'succeeded' &&
        event.outcome !== 'cancelled' &&
        event.definition === definition &&
        event.step === step,
    );
  }

  runs(): readonly unknown[] {
    const starts = this.log.filter((event) => event.type === 'run-started');
    return starts.map((started, index) => {
      const again = starts.find((other, at) => at > index && other.runId === started.runId)?.position ?? Infinity;
      const mine = (event: LoggedEvent): boolean =>
        event.type === 'run-ended' && event.runId === started.runId && event.position > started.position && event.position < again;
      return { started, ended: this.log.findLast(mine) ?? null };
    });
  }
}

/** Without a prototype is a thing that no store keeps. */
const plain = { noNullPrototype: true } as const;
const names = fc.constantFrom('a', 'b', '__proto__', '🦊', '\ud83e', 'x'.repeat(2000));
const keys = fc.constantFrom('a', 'b/c', '__proto__', '🦊', '\ud83e');
const states = fc.constantFrom({ state: 'value', version: 'v1' } as const, { state: 'absent' } as const, { state: 'failed' } as const);
const inputs = fc.array(
  fc.record({
    input: names,
    kind: fc.constantFrom('value' as const, 'list' as const, 'nothing' as const),
    origin: fc.oneof(
      keys.map((key) => ({ from: 'asset' as const, key: sampleKey(key) })),
      fc.record({ from: fc.constant('step' as const), definition: names, step: names, output: names }, plain),
    ),
    state: states,
    position: fc.oneof(fc.constant(null), fc.nat(1000), fc.record({ inBatch: fc.nat(5) })),
  }),
  { maxLength: 3 },
);
const metadata = fc.oneof(
  fc.constant({}),
  fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(fc.double(), fc.string(), fc.bigInt(), fc.constant([null, true])), {
    maxKeys: 3,
    ...plain,
  }),
);

const anyEvent: fc.Arbitrary<NewEvent> = fc.oneof(
  fc.record({ runId: names, tags: fc.dictionary(names, fc.string(), { ...plain }), readsAt: fc.nat() }).map(runStarted),
  fc.record({ runId: names, status: fc.constantFrom('succeeded' as const, 'failed' as const) }).map(runEnded),
  fc.record({ key: keys, offset: fc.option(fc.string({ unit: 'binary' })) }).map(({ key, offset }) => sourceObserved(key, { offset })),
  fc
    .record({
      definition: names,
      step: names,
      inputs,
      outcome: fc.constantFrom('succeeded' as const, 'failed' as const, 'skipped' as const, 'blocked' as const, 'cancelled' as const),
      outputs: fc.uniqueArray(
        fc.record({ output: names, state: states, address: fc.constantFrom(null, sampleValue('v').address) }, plain),
        { maxLength: 3, selector: ({ output }) => output },
      ),
    })
    .map(stepSettled),
  fc.record({ key: keys, inputs, metadata }).map(({ key, ...fields }) => materialized(key, fields)),
  fc.record({ key: keys, inputs, metadata }).map(({ key, ...fields }) => unchanged(key, fields)),
  keys.map((key) => absent(key)),
  keys.map((key) => missed(key)),
);

/** References point at what is there: an earlier event of the batch. */
function tied(event: NewEvent, index: number): NewEvent {
  if (!('inputs' in event)) return event;
  const tie = (ref: PositionRef | null): PositionRef | null =>
    ref === null || typeof ref === 'number' ? ref : index === 0 ? null : { inBatch: ref.inBatch % index };
  return { ...event, inputs: event.inputs.map((entry) => ({ ...entry, position: tie(entry.position) })) };
}

const anyContent: fc.Arbitrary<AppendBatch> = fc
  .record({ events: fc.array(anyEvent, { maxLength: 8 }), values: fc.array(fc.nat(20), { maxLength: 3 }) })
  .map(({ events, values }) => ({ events: events.map(tied), values: values.map((value) => sampleValue('v'.repeat(value * 300))) }));

/** How a batch is asked for, beside what is in it. The position of an expectation is among those that its key may be at. */
interface Asked {
  readonly id: number | undefined;
  /** Whether it is what its id was first asked for with, at another time. */
  readonly again: boolean;
  readonly expected: readonly { readonly key: string; readonly back: number }[];
  /** How far the place that it asks for is from the next one. */
  readonly from: number | undefined;
  readonly offsets: readonly { readonly key: string; readonly offset: string }[];
}

const anyAsked: fc.Arbitrary<Asked> = fc.record({
  id: fc.option(fc.nat(4), { nil: undefined, freq: 2 }),
  again: fc.boolean(),
  from: fc.option(fc.constantFrom(0, 0, 0, -1, 1), { nil: undefined, freq: 2 }),
  offsets: fc.oneof(fc.constant([]), fc.array(fc.record({ key: keys, offset: names }, plain), { maxLength: 3 })),
  expected: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.record({ key: keys, back: fc.constantFrom(0, 0, 0, 1, 5) }), { maxLength: 2 }) },
  ),
});

interface AnyBatch {
  readonly content: AppendBatch;
  readonly asked: Asked;
}

const anyBatch: fc.Arbitrary<AnyBatch> = fc.record({ content: anyContent, asked: anyAsked });

/** The batch that is asked for, now that it is known what came before. */
function batchFor({ content, asked }: AnyBatch, model: Model): AppendBatch {
  const expected = asked.expected.map(({ key, back }) => ({
    key: sampleKey(key),
    position: Math.max(0, (model.readable(key, model.log.length)?.position ?? 0) - back),
  }));
  const at = asked.from === undefined ? {} : { at: Math.max(1, model.log.length + 1 + asked.from) };
  const asks = { expected, ...at };
  const mine = asked.offsets.map(({ key, offset }) => ({ key: sampleKey(key), offset }));
  if (asked.id === undefined) return { ...content, ...asks, offsets: mine };
  const before = asked.again ? model.firstById.get(asked.id) : undefined;
  const { events, values, offsets = [] } = before ?? { ...content, offsets: mine };
  if (!model.firstById.has(asked.id)) model.firstById.set(asked.id, { events, values, offsets });
  // Other times are no other content.
  return { events: events.map((event) => ({ ...event, time: event.time + 1 })), values, offsets, ...asks, id: `id ${asked.id}` };
}

type Action =
  | { readonly do: 'append'; readonly batches: readonly AnyBatch[] }
  | { readonly do: 'reopen' }
  | { readonly do: 'ask'; readonly at: number; readonly from: number; readonly limit: number };

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), batches: fc.array(anyBatch, { minLength: 1, maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'reopen' } as const) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ask' as const), at: fc.nat(80), from: fc.nat(80), limit: fc.nat(40) }) },
);

const ALL_NAMES = ['a', 'b', '__proto__', '🦊', '\ud83e', 'x'.repeat(2000)];
const ALL_KEYS = ['a', 'b/c', '__proto__', '🦊', '\ud83e', 'never'].map(sampleKey);
const ALL_OUTPUTS: readonly OutputId[] = ALL_NAMES.flatMap((definition) =>
  ALL_NAMES.flatMap((step) => ALL_NAMES.map((output) => ({ definition, step, output }))),
);

const ALL_STEPS: readonly StepId[] = ALL_NAMES.flatMap((definition) => ALL_NAMES.map((step) => ({ definition, step })));

async function askAll(port: LivePort, model: Model, { at, from, limit }: { at: number; from: number; limit: number }): Promise<void> {
  expect(await port.head()).toBe(model.log.length);
  expect(await port.read(from, limit)).toStrictEqual(model.log.slice(Math.max(from, 1) - 1, Math.max(from, 1) - 1 + limit));
  expect(await port.readable(ALL_KEYS, at)).toStrictEqual(ALL_KEYS.map((key) => model.readable(key, at)));
  expect(await port.lastSettled(ALL_OUTPUTS, at)).toStrictEqual(ALL_OUTPUTS.map((id) => model.lastSettled(id, at)));
  expect(await port.lastUnsuccessful(ALL_STEPS, at)).toStrictEqual(ALL_STEPS.map((step) => model.lastUnsuccessful(step, at)));
  expect(await port.offsets(ALL_KEYS)).toStrictEqual(ALL_KEYS.map((key) => model.offsets.get(key)));
  expect(await port.runs()).toStrictEqual(model.runs());
  const addresses = [...model.values.keys(), sampleValue('never').address];
  expect((await port.values(addresses)).map((bytes) => bytes && Buffer.from(bytes).toString('hex'))).toStrictEqual([
    ...model.values.values(),
    undefined,
  ]);
}

async function outcome(appended: Promise<Appended>): Promise<unknown> {
  try {
    return await appended;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const { id: _id, ...details } = error.details;
    return { code: error.code, ...details };
  }
}

async function appendAll(ports: readonly StorePort[], model: Model, batches: readonly AnyBatch[]): Promise<void> {
  const asked = batches.map((each) => {
    const batch = batchFor(each, model);
    return { batch, expected: model.append(batch) };
  });
  for (const port of ports) {
    const outcomes = await Promise.all(asked.map(({ batch }) => outcome(port.append(batch))));
    expect(outcomes).toStrictEqual(asked.map(({ expected }) => expected));
  }
}

async function play(actions: readonly Action[]): Promise<void> {
  const folder = await newFolder();
  let store = await openStore(folder);
  const memory = memoryPort();
  const model = new Model();
  try {
    for (const action of actions) {
      if (action.do === 'append') {
        await appendAll([store.port, memory], model, action.batches);
      } else if (action.do === 'reopen') {
        await store.close();
        store = await openStore(folder);
      } else {
        for (const port of [livePort(store.port), memory]) await askAll(port, model, action);
      }
    }
    for (const port of [livePort(store.port), memory]) await askAll(port, model, { at: Infinity, from: 1, limit: Infinity });
  } finally {
    await store.close();
  }
}

describe('a store on disk, one in memory and a list', () => {
  test('answer alike after any appends, reopenings and questions', async () => {
    await fc.assert(fc.asyncProperty(fc.array(anyAction, { maxLength: 12 }), play), { numRuns: 40 });
  });
});
