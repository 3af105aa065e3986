import { deepStrictEqual as expectEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { pruneStore } from '../../lib/events/prune.ts';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import { encodeSource, observation, type Store } from '../../lib/events/store.ts';
import type { AppendBatch, SourceOffset } from '../../lib/events/store-port.ts';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { ALL_KEYS, ALL_OUTPUTS, ALL_STEPS, contentAt, CONTENTS, putValue } from './model-batches.ts';
import type { ModelLog, Outcome } from './model-log.ts';
import type { ModelWorld } from './model-world.ts';
import { codeOf } from './obey.ts';

/** Something that is done to the stores and to the model of them, after which they have to agree. */
export type ModelCommand = fc.AsyncCommand<ModelLog, ModelWorld>;

/** A command of what it does: its name, what it is told, and how. */
function command(name: string, told: unknown, run: (model: ModelLog, world: ModelWorld) => Promise<void>): ModelCommand {
  return {
    check: () => true,
    run: async (model, world) => {
      await run(model, world);
      world.tally.pass();
      world.tally.count(name);
    },
    toString: () => `${name}(${JSON.stringify(told)})`,
  };
}

const KEY_COUNT = ALL_KEYS.length;
const keyAt = (index: number): (typeof ALL_KEYS)[number] => ALL_KEYS[index % KEY_COUNT] ?? ALL_KEYS[0] ?? fail('there are keys');

function fail(why: string): never {
  throw new Error(why);
}

/** How one batch is asked for. `back`: how far its expectation is from the truth. */
const anyAsked = fc.record({
  content: fc.nat(CONTENTS - 1),
  time: fc.nat(3),
  id: fc.option(fc.nat(7), { nil: undefined, freq: 2 }),
  /** How far the place that it asks for is from the next one. */
  from: fc.option(fc.constantFrom(0, 0, 0, -1, 1), { nil: undefined, freq: 2 }),
  offsets: fc.array(fc.record({ key: fc.nat(KEY_COUNT - 1), offset: fc.nat(99) }), { maxLength: 2 }),
  expected: fc.option(fc.record({ key: fc.nat(KEY_COUNT - 1), back: fc.constantFrom(0, 0, 0, 1, 4) }), { nil: undefined, freq: 2 }),
});
type Asked = typeof anyAsked extends fc.Arbitrary<infer Value> ? Value : never;

function batchFor({ content, time, id, from, offsets, expected }: Asked, model: ModelLog): AppendBatch {
  // The same is asked for again under its id, or now and then something else.
  const { events, values } = contentAt(id === undefined || content % 6 === 0 ? content : 5 * id + 1);
  const key = keyAt(expected?.key ?? 0);
  const position = Math.max(0, (model.readable(key, model.head)?.position ?? 0) - (expected?.back ?? 0));
  return {
    events: events.map((event) => ({ ...event, time: event.time + time })),
    values,
    offsets: id === undefined ? offsets.map(({ key: source, offset }) => offsetOf(source, offset)) : offsetsOfId(id),
    ...(from === undefined ? {} : { at: Math.max(1, model.head + 1 + from) }),
    ...(id === undefined ? {} : { id: `id ${id}` }),
    ...(expected === undefined ? {} : { expected: [{ key, position }] }),
  };
}

function offsetOf(key: number, offset: number): SourceOffset {
  return { key: keyAt(key), offset: `${offset}` };
}

/** Offsets are a part of what is compared under an id. */
function offsetsOfId(id: number): readonly SourceOffset[] {
  return id % 2 === 0 ? [] : [offsetOf(id, 100 + id)];
}

async function outcome(asked: Promise<Outcome>): Promise<unknown> {
  try {
    const { first, last, duplicate } = (await asked) as Exclude<Outcome, { code: string }>;
    return { first, last, duplicate };
  } catch (error) {
    return { code: codeOf(error) };
  }
}

const append = fc.array(anyAsked, { minLength: 1, maxLength: 4 }).map((all) =>
  command('append', all, async (model, world) => {
    const asked = all.map((one) => {
      const batch = batchFor(one, model);
      return { batch, expected: model.append(batch) };
    });
    for (const { expected } of asked) {
      if ('code' in expected) world.tally.count(expected.code);
      else if (expected.duplicate) world.tally.count('duplicates');
    }
    for (const port of world.ports) {
      const got = await Promise.all(asked.map(({ batch }) => outcome(port.append(batch))));
      expectEqual(
        got,
        asked.map(({ expected }) => expected),
      );
    }
  }),
);

const put = fc
  .record({
    key: fc.nat(KEY_COUNT - 2),
    value: fc.nat(12),
    id: fc.option(fc.nat(3), { nil: undefined, freq: 2 }),
    back: fc.option(fc.constantFrom(0, 0, 1), { nil: undefined, freq: 2 }),
  })
  .map((told) =>
    command('put', told, async (model, world) => {
      const key = keyAt(told.key);
      const before = model.readable(key, model.head);
      const options = {
        ...(told.id === undefined ? {} : { id: `put ${told.id}` }),
        ...(told.back === undefined ? {} : { expected: Math.max(0, (before?.position ?? 0) - told.back) }),
      };
      const expected = modelPut(model, { key, value: putValue(told.value), options });
      for (const store of world.stores) {
        const got = await store.put(key, putValue(told.value), options).then(
          ({ observed, position, duplicate }) => ({ observed, position, duplicate }),
          (error: unknown) => ({ code: codeOf(error) }),
        );
        expectEqual(got, expected);
      }
    }),
  );

interface ModelPut {
  readonly key: (typeof ALL_KEYS)[number];
  readonly value: unknown;
  readonly options: { readonly id?: string; readonly expected?: number };
}

/** What a put comes to, told by itself: an equal value writes no event, and an id is done once. */
function modelPut(model: ModelLog, { key, value, options: { id, expected } }: ModelPut): unknown {
  const encoded = encodeSource(key, value);
  const before = model.readable(key, model.head);
  const isEqual = before !== undefined && 'version' in before && before.version === encoded.version;
  const made = observation({ key, encoded, offset: null, time: 1_700_000_000_000, runId: null }, undefined);
  const content = isEqual || !('event' in made) ? { events: [], values: [] } : { events: [made.event], values: [encoded] };
  const outcome = model.append({
    ...content,
    ...(id === undefined ? {} : { id, request: JSON.stringify([key, encoded.version]) }),
    ...(expected === undefined ? {} : { expected: [{ key, position: expected }] }),
  });
  if ('code' in outcome) return outcome;
  const { first, last, duplicate } = outcome;
  if (first <= last) return { observed: true, position: first, duplicate };
  return { observed: false, position: model.readable(key, last)?.position ?? last, duplicate };
}

const ask = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), limit: fc.nat(80) }).map(({ at, limit }) =>
  command('ask', { at, limit }, async (model, { ports }) => {
    const position = Math.round(at * model.head);
    for (const port of ports) {
      expectEqual(await port.head(), model.head);
      expectEqual([...(await port.read(position, limit))], model.log.slice(Math.max(position, 1) - 1, Math.max(position, 1) - 1 + limit));
      expectEqual(
        [...(await port.readable(ALL_KEYS, position))],
        ALL_KEYS.map((key) => model.readable(key, position)),
      );
      expectEqual(
        [...(await port.missed(ALL_KEYS, position))],
        ALL_KEYS.map((key) => model.missed(key, position)),
      );
      expectEqual(
        [...(await port.lastSettled(ALL_OUTPUTS, position))],
        ALL_OUTPUTS.map((id) => model.lastSettled(id, position)),
      );
      expectEqual(
        [...(await port.lastUnsuccessful(ALL_STEPS, position))],
        ALL_STEPS.map((step) => model.lastUnsuccessful(step, position)),
      );
      expectEqual(
        [...(await port.offsets(ALL_KEYS))],
        ALL_KEYS.map((key) => model.offsets.get(key)),
      );
      expectEqual([...(await port.runs())], [...model.runs()]);
    }
  }),
);

const readValues = fc.nat(KEY_COUNT - 1).map((index) =>
  command('read values', index, async (model, { ports, stores }) => {
    const all = [...model.values.keys()];
    for (const port of ports) {
      const got = (await port.values(all)).map((bytes) => bytes && Buffer.from(bytes).toString('hex'));
      expectEqual(
        got,
        all.map((address) => (model.removed.has(address) ? undefined : model.values.get(address))),
      );
    }
    for (const store of stores) expectEqual(await valueOf(store, keyAt(index)), modelValue(model, keyAt(index)));
  }),
);

function valueOf(store: Store, key: string): Promise<unknown> {
  return store.value(key).catch((error: unknown) => ({ code: codeOf(error) }));
}

function modelValue(model: ModelLog, key: string): unknown {
  const event = model.readable(key, model.head);
  if (event === undefined || !('address' in event) || event.address === null) return undefined;
  if (model.removed.has(event.address)) return { code: 'VALUE_REMOVED' };
  return decodeValue(Buffer.from(model.values.get(event.address) ?? '', 'hex'));
}

const cursorName = fc.constantFrom('one', 'two');

const setCursor = fc.record({ name: cursorName, at: fc.double({ min: 0, max: 1, noNaN: true }) }).map(({ name, at }) =>
  command('set a cursor', { name, at }, async (model, { ports }) => {
    const position = Math.round(at * model.head);
    model.cursors.set(name, position);
    for (const port of ports) {
      await port.setCursor(name, position);
      expectEqual(await port.cursor(name), position);
    }
  }),
);

const tailFrom = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), most: fc.integer({ min: 1, max: 70 }) }).map(({ at, most }) =>
  command('tail', { at, most }, async (model, { stores }) => {
    const from = Math.round(at * model.head) + 1;
    const expected = model.log.slice(from - 1, from - 1 + most);
    for (const store of stores) expectEqual(await take(store, { from }, expected.length), expected);
  }),
);

const tailOn = fc.record({ name: cursorName, most: fc.integer({ min: 1, max: 70 }) }).map(({ name, most }) =>
  command('tail with a cursor', { name, most }, async (model, { stores, ports }) => {
    const passed = model.cursors.get(name) ?? 0;
    const expected = model.log.slice(passed, passed + most);
    if (expected.length === 0) return;
    for (const store of stores) expectEqual(await take(store, { cursor: name, from: 1 }, expected.length), expected);
    // The event at which the reader stopped comes again.
    model.cursors.set(name, passed + expected.length - 1);
    for (const port of ports) expectEqual(await port.cursor(name), model.cursors.get(name));
  }),
);

async function take(
  store: Store,
  options: { readonly from: number; readonly cursor?: string },
  count: number,
): Promise<readonly LoggedEvent[]> {
  const taken: LoggedEvent[] = [];
  if (count === 0) return taken;
  for await (const event of store.tail(options)) if (taken.push(event) === count) break;
  return taken;
}

const prune = fc
  .record({ versions: fc.integer({ min: 1, max: 4 }), runs: fc.nat(2), logsOfRuns: fc.option(fc.nat(2), { nil: undefined, freq: 2 }) })
  .map((told) =>
    command('prune', told, async (model, { stores, ports, tally }) => {
      if (!ports.every(isRetentionStore)) return;
      const { logsOfRuns, ...kept } = told;
      for (const store of stores) await pruneStore(store, { ...kept, ...(logsOfRuns === undefined ? {} : { logsOfRuns }) });
      await learnValues(model, { ports, tally }, model.needed(kept));
      await learnEvents(model, { ports, tally }, (event) => model.mayGo(event, logsOfRuns));
    }),
  );

/** Takes over which values are gone: none that is needed, and the same in both stores. */
async function learnValues(
  model: ModelLog,
  { ports, tally }: Pick<ModelWorld, 'ports' | 'tally'>,
  needed: ReadonlySet<string>,
): Promise<void> {
  const all = [...model.values.keys()];
  const [disk = [], memory = []] = await Promise.all(ports.map((port) => port.values(all)));
  const gone = all.filter((_, at) => disk[at] === undefined);
  expectEqual(
    all.filter((_, at) => memory[at] === undefined),
    gone,
  );
  const before = new Set(model.removed);
  expectEqual(
    [...before].filter((address) => !gone.includes(address)),
    [],
  );
  expectEqual(
    gone.filter((address) => needed.has(address) && !before.has(address)),
    [],
  );
  tally.count('values removed', gone.length - before.size);
  for (const address of gone) model.removed.add(address);
}

/** Takes over which events are gone: only such as may go, and the same in both stores. */
async function learnEvents(
  model: ModelLog,
  { ports, tally }: Pick<ModelWorld, 'ports' | 'tally'>,
  mayGo: (event: LoggedEvent) => boolean,
): Promise<void> {
  const [disk = [], memory = []] = await Promise.all(ports.map((port) => port.read(1, Infinity)));
  expectEqual([...memory], [...disk]);
  const before = model.log.map((event) => ({ event, may: mayGo(event) }));
  for (const [at, { event, may }] of before.entries()) {
    const found = disk[at];
    if (found?.type !== 'removed' || event.type === 'removed') expectEqual(found, event);
    else {
      expectEqual([found.kind, found.position, may], [event.type, event.position, true]);
      model.log[at] = found;
      tally.count('events removed');
    }
  }
}

const reopen = fc.constant(command('reopen', null, (_, world) => world.reopen()));
const crash = fc
  .nat(CONTENTS - 1)
  .map((content) => command('crash', content, (_, world) => world.crash({ ...contentAt(content), offsets: [offsetOf(content, 200)] })));
const compact = fc.constant(command('compact', null, (_, world) => world.compact()));
const backup = fc.constant(command('back up and restore', null, (_, world) => world.backupAndRestore()));

/** Lists of commands. What starts a process comes seldom: it takes as long as hundreds of others. */
export const anyCommands: fc.Arbitrary<Iterable<ModelCommand>> = fc.commands(
  [
    fc.oneof(
      { weight: 300, arbitrary: append },
      { weight: 120, arbitrary: put },
      { weight: 80, arbitrary: ask },
      { weight: 40, arbitrary: readValues },
      { weight: 40, arbitrary: setCursor },
      { weight: 50, arbitrary: tailFrom },
      { weight: 50, arbitrary: tailOn },
      { weight: 30, arbitrary: prune },
      { weight: 20, arbitrary: reopen },
      { weight: 30, arbitrary: crash },
      { weight: 2, arbitrary: fc.oneof(compact, backup) },
    ),
  ],
  { maxCommands: 100, size: 'max' },
);
