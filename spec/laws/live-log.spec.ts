import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { feed, live, type LoggedEvent } from '../../index.ts';
import type { OutputState } from '../../lib/events/data-version.ts';
import { createStore } from '../../lib/events/store.ts';
import type { AppendBatch } from '../../lib/events/store-port.ts';
import { dataVersion } from '../../lib/kernel/value/version.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { batchOf, logLine } from '../kit/sample-events.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { readState, writeState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { interferingPort } from '../operators/rig/live-rig.ts';
import { manualClock } from '../operators/rig/manual-clock.ts';
import { newFolder } from '../store/folder.ts';
import { history } from './incremental-arbitraries.ts';
import { emissionsOf } from './incremental-body.ts';
import { eventsFrom, openEntries } from './incremental-checks.ts';
import { History } from './incremental-history.ts';
import { casesOf } from './incremental-play.ts';
import { arrival, arrive, deterministic, playing, policy, pure } from './live-arrivals.ts';
import { folded, playTape, storeWithout, tapeOf, withoutRuns } from './live-play.ts';

const taped = fc.record({
  values: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 12, size: 'max' }),
  every: fc.integer({ min: 1, max: 5 }),
  epochs: deterministic,
});
const kills = fc.array(fc.record({ append: fc.nat({ max: 5 }), isWritten: fc.boolean() }), { minLength: 1, maxLength: 4 });
const isOf = (state: OutputState, value: unknown): boolean => state.state === 'value' && state.version === dataVersion(value);
const isOfRun = ({ type }: { readonly type: string }): boolean => type === 'run-started' || type === 'run-ended';

describe('what a live service leaves on disk', () => {
  test('L2 whenever it is killed, the offset of a source says which epochs are in the log', async () => {
    let inTheMiddle = 0;
    const rough = fc.record({ again: fc.nat({ max: 4 }), window: fc.integer({ min: 1, max: 4 }), kills });
    const property = fc.asyncProperty(history({ ...pure, later: 2 }), taped, rough, async (shape, { values, every, epochs }, life) => {
      const tape = tapeOf(values, every);
      const [whole, broken] = [new History(shape), new History(shape)];
      const [calm, killed] = [await storeWithout(whole), await storeWithout(broken)];
      let [events, offset] = [await calm.port.head(), 'none'];
      const states = [`${offset}: ${events}`];
      const beforeAppend = (batch: AppendBatch): void => {
        events += batch.events.filter((event) => !isOfRun(event)).length;
        offset = batch.offsets?.[0]?.offset ?? offset;
        states.push(`${offset}: ${events}`);
      };
      const slow = { tape, reading: { again: 0, chunk: 1 }, epochs, window: 1 };
      await playTape(whole, interferingPort(calm.port, { beforeAppend }), { playing: slow, kills: [] });
      const expected = withoutRuns(await eventsFrom(calm.store, 1));
      const [key] = [...broken.defs.sources.values()].flatMap((each) => (each.key === broken.sources[0] ? each.key : []));
      const afterKill = async (): Promise<void> => {
        const got = withoutRuns(await eventsFrom(killed.store, 1));
        const [at = 'none'] = key === undefined ? [] : await killed.port.offsets([key]);
        expect(states, broken.print()).toContain(`${at}: ${got.length}`);
        expect(got, broken.print()).toEqual(expected.slice(0, got.length));
        if (at !== 'none' && at !== String(values.length)) inTheMiddle += 1;
      };
      const fast = { tape, reading: { again: life.again, chunk: 3 }, epochs, window: life.window };
      await playTape(broken, killed.port, { playing: fast, kills: life.kills, afterKill });
    });
    await fc.assert(property, { numRuns: casesOf(40) });
    expect(inTheMiddle).toBeGreaterThan(10);
  });

  test('L3 items that come again, twice or in other chunks add no event, and change none, however epochs are made of them', async () => {
    let repeats = 0;
    const wild = fc.record({
      stutter: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 5 }),
      chunk: fc.integer({ min: 1, max: 6 }),
      window: fc.integer({ min: 1, max: 4 }),
      again: fc.nat({ max: 12 }),
    });
    const property = fc.asyncProperty(history({ ...pure, later: 2 }), taped, wild, async (shape, { values, every, epochs }, each) => {
      const tape = tapeOf(values, every);
      const [whole, repeated] = [new History(shape), new History(shape)];
      const [once, often] = [await storeWithout(whole), await storeWithout(repeated)];
      const plain = { tape, reading: { again: 0, chunk: 1 }, epochs, window: 1 };
      await playTape(whole, once.port, { playing: plain, kills: [] });
      const { stutter, chunk, again, window } = each;
      const stuttering = { tape, reading: { again, chunk, stutter }, epochs, window };
      await playTape(repeated, often.port, { playing: stuttering, kills: [] });
      // And once more, on a store that has all of it.
      await playTape(repeated, often.port, { playing: stuttering, kills: [] });
      expect(withoutRuns(await eventsFrom(often.store, 1)), whole.print()).toEqual(withoutRuns(await eventsFrom(once.store, 1)));
      repeats += again + stutter.reduce((sum, back) => sum + back, 0);
    });
    await fc.assert(property, { numRuns: casesOf(40) });
    expect(repeats).toBeGreaterThan(100);
  });

  test('L4 an epoch logs of an asset one event at most, and one that counts iff it came out anew', async () => {
    let [changed, unchanged] = [0, 0];
    const property = fc.asyncProperty(
      history(pure),
      policy,
      fc.array(arrival, { maxLength: 20, size: 'max' }),
      async (shape, epochs, arrivals) => {
        const batches: (readonly LoggedEvent[])[] = [];
        const inner = memoryPort();
        const port = interferingPort(inner, {});
        const append: typeof port.append = async (batch) => {
          const appended = await inner.append(batch);
          batches.push(await inner.read(appended.first, batch.events.length));
          return appended;
        };
        const running = await playing(shape, { epochs, store: createStore({ ...port, append }, { now: () => 0 }) });
        await arrive(running, arrivals);
        const readers = new Map<string, string>();
        const assetOf = new Map(
          running.played.world.steps.flatMap(({ definition, path, outputs }) =>
            outputs.map(({ name, asset }) => [`${definition}:${path}.${name}`, asset] as const),
          ),
        );
        for (const batch of batches) {
          const told = batch.flatMap((event) => ('output' in event ? [`${event.key}`] : []));
          expect(new Set(told).size, running.played.print()).toBe(told.length);
          const counted = batch.flatMap((event) => {
            if (event.type === 'asset-materialized') return [[String(event.key), event.version] as const];
            return event.type === 'asset-absent' ? [[String(event.key), 'absent'] as const] : [];
          });
          const settled = batch.flatMap((event) => {
            if (event.type !== 'step-settled') return [];
            return event.outputs.flatMap(({ output, state }) => {
              const asset = assetOf.get(`${event.definition}:${event.step}.${output}`);
              return asset === undefined ? [] : [[asset, state.state === 'value' ? state.version : state.state] as const];
            });
          });
          const isOther = ([asset, now]: readonly [string, string]): boolean => readers.get(asset) !== now;
          const isMissed = ([, now]: readonly [string, string]): boolean => now === 'failed' || now === 'blocked';
          expect(
            counted.filter((each) => !isOther(each)),
            running.played.print(),
          ).toEqual([]);
          expect(counted, running.played.print()).toEqual(
            expect.arrayContaining(settled.filter((each) => isOther(each) && !isMissed(each))),
          );
          for (const [asset, now] of counted) readers.set(asset, now);
          // Readers are told once more that it is absent where a failure is over; a value they have all the time.
          for (const each of settled) if (isMissed(each) && readers.get(each[0]) === 'absent') readers.set(...each);
          changed += counted.length;
          unchanged += batch.filter(({ type }) => type === 'asset-unchanged').length;
        }
        await running.service.close();
      },
    );
    await fc.assert(property, { numRuns: casesOf(50) });
    expect(Math.min(changed, unchanged)).toBeGreaterThan(10);
  });

  test('L5 the log alone tells how every version came about: played again from what it says was read, it comes out', async () => {
    let replayed = 0;
    const property = fc.asyncProperty(
      history({ ...pure, later: 2 }),
      policy,
      fc.array(arrival, { maxLength: 20, size: 'max' }),
      async (shape, epochs, arrivals) => {
        const running = await playing(shape, { epochs });
        await arrive(running, arrivals);
        const { played, store, service } = running;
        await service.close();
        const log = await eventsFrom(store, 1);
        expect(openEntries(log), played.print()).toEqual([]);
        const known = new Map([0, 1, 2, 3, 4, 5].map((value) => [dataVersion(value), value as unknown]));
        const stepOf = new Map(played.world.steps.map((step) => [`${step.definition}:${step.path}`, step]));
        for (const event of log) {
          if (event.type !== 'step-settled' || event.outcome !== 'succeeded') continue;
          const step = stepOf.get(`${event.definition}:${event.step}`);
          if (step === undefined) throw new Error(`the log has a step that nobody defined: ${event.step}`);
          const inputs = step.inputs.flatMap(({ name, kind }) => {
            const entries = event.inputs.filter((each) => each.input === name);
            const values = entries.flatMap(({ state }) => (state.state === 'value' ? [known.get(state.version)] : []));
            return kind === 'nothing' ? [] : [[name, kind === 'list' ? values : values[0]] as const];
          });
          const selected = new Set(event.outputs.map(({ output }) => output));
          const made = new Map(emissionsOf(step, { inputs: Object.fromEntries(inputs), selected }, played.around));
          for (const { output, state } of event.outputs) {
            const value = made.get(output);
            const version = value === undefined ? 'absent' : dataVersion(value);
            expect(state.state === 'value' ? state.version : state.state, `${event.step}.${output}\n${played.print()}`).toBe(version);
            known.set(version, value);
            replayed += 1;
          }
        }
      },
    );
    await fc.assert(property, { numRuns: casesOf(50) });
    expect(replayed).toBeGreaterThan(200);
  });

  test('L6 offsets only grow, and the epoch that keeps one reads exactly the items up to it', async () => {
    let kept = 0;
    const delivery = fc.record({ source: fc.nat({ max: 1 }), back: fc.nat({ max: 2 }), then: fc.constantFrom('', '', '', 'mark', 'turn') });
    const property = fc.asyncProperty(
      history({ ...pure, later: 2 }),
      deterministic,
      fc.array(delivery, { maxLength: 25, size: 'max' }),
      async (shape, epochs, deliveries) => {
        const played = new History(shape);
        const items = new Map(played.sources.map((key) => [key, [] as number[]]));
        const wrong: string[] = [];
        const offsets = new Map<string, number>();
        const now = new Map(played.values);
        const beforeAppend = (batch: AppendBatch): void => {
          for (const { key, offset } of batch.offsets ?? []) {
            const before = offsets.get(key) ?? 0;
            if (Number(offset) <= before) wrong.push(`${key}: ${offset} after ${before}`);
            offsets.set(key, Number(offset));
            now.set(key, (items.get(key) ?? []).slice(before, Number(offset)).reduce(folded, now.get(key) ?? 0));
            kept += 1;
          }
          for (const event of batch.events) {
            if (event.type === 'source-observed' && event.runId !== null && event.offset !== String(offsets.get(event.key)))
              wrong.push(`${event.key} is of ${event.offset}, and ${offsets.get(event.key)} is kept`);
            if (event.type !== 'step-settled') continue;
            for (const { origin, state } of event.inputs)
              if (origin.from === 'asset' && now.has(origin.key) && !isOf(state, now.get(origin.key)))
                wrong.push(`${event.step} read another ${origin.key} than that of ${offsets.get(origin.key)}`);
          }
        };
        const store = createStore(interferingPort(memoryPort(), { beforeAppend }), { now: () => 0 });
        for (const [key, value] of played.values) await store.put(key, value);
        const sources = Object.fromEntries(
          played.sources.map((key) => [key, feed<number, number>({ fold: (sum = 0, value) => folded(sum, value) })]),
        );
        const service = await live(played.defs, { store, epochs, sources, clock: manualClock() });
        for (const [index, { source, back, then }] of deliveries.entries()) {
          const key = played.sources[source % played.sources.length] ?? '';
          const come = items.get(key) ?? [];
          const isNew = back === 0 || come.length < back;
          if (isNew) come.push(index % 6);
          const at = isNew ? come.length : come.length + 1 - back;
          void service.push(key, come[at - 1], { offset: String(at) });
          if (then === 'mark') service.mark();
          if (then === 'turn') await new Promise((resolve) => setImmediate(resolve));
        }
        await service.durable();
        expect(wrong, played.print()).toEqual([]);
        for (const key of played.sources) expect(offsets.get(key) ?? 0).toBe(items.get(key)?.length);
        for (const [key, value] of now) expect(await store.value(key)).toBe(value);
        await service.close();
      },
    );
    await fc.assert(property, { numRuns: casesOf(50) });
    expect(kept).toBeGreaterThan(100);
  });

  test('L12 who has lost the right to write commits nothing more, and says so to all who wait', async () => {
    let refused = 0;
    const values = fc.array(fc.nat({ max: 5 }), { minLength: 4, maxLength: 12, size: 'max' });
    const property = fc.asyncProperty(history(pure), fc.nat({ max: 3 }), values, async (shape, at, values) => {
      const folder = await newFolder();
      const store = await openStore(folder);
      const { service } = await playing(shape, { epochs: {}, store });
      await service.durable();
      // lmdb gives a second environment of this process the same file, as it would another process.
      const other = await openLmdb(folder, { writable: true, label: 'other' });
      const pushes = values.map((value, index) => service.push('x0', 10 * value + (index % 2)));
      for (let turn = 0; turn < at; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      let head = 0;
      other.transact(() => {
        const state = readState(other.tables, 'other');
        head = state.head;
        writeState(other.tables, { ...state, epoch: state.epoch + 1 });
      });
      const late = service.push('x0', 1000);
      const pushed = await Promise.allSettled([...pushes, late]);
      const codes = pushed.flatMap((each) => (each.status === 'fulfilled' ? [] : [String(Reflect.get(Object(each.reason), 'code'))]));
      expect(codes.length).toBeGreaterThan(0);
      expect([...new Set(codes)].filter((code) => !/^(STORE_LOCKED|SERVICE_CLOSED)$/.test(code))).toEqual([]);
      const durable = pushed.flatMap((each) => (each.status === 'fulfilled' ? [each.value.position ?? 0] : []));
      expect(durable.filter((position) => position > head)).toEqual([]);
      await expect(service.close()).rejects.toMatchObject({ code: 'STORE_LOCKED' });
      other.refresh();
      expect(readState(other.tables, 'other').head).toBe(head);
      refused += codes.length;
      await other.close();
      await store.close();
    });
    await fc.assert(property, { numRuns: casesOf(20) });
    expect(refused).toBeGreaterThan(20);
  });

  test('who writes without asking for the turn ends the service: nothing that was numbered before goes behind it', async () => {
    let refused = 0;
    const values = fc.array(fc.nat({ max: 5 }), { minLength: 4, maxLength: 12, size: 'max' });
    const property = fc.asyncProperty(history(pure), fc.nat({ max: 3 }), values, async (shape, at, values) => {
      const inner = memoryPort();
      let stolen: number | undefined;
      let stealing: Promise<void> | undefined;
      let appends = -Infinity;
      const steal = async (): Promise<void> => {
        // More than the service has on its way, so that no batch of it can come to stand where it was to stand.
        stolen = (await inner.append(batchOf(...Array.from({ length: 1000 }, () => logLine())))).last;
      };
      const beforeAppend = (): Promise<void> | undefined => {
        appends += 1;
        if (appends > at) stealing ??= steal();
        return stealing;
      };
      const running = await playing(shape, { epochs: {}, store: createStore(interferingPort(inner, { beforeAppend }), { now: () => 0 }) });
      await running.service.durable();
      appends = 0;
      const pushed = await Promise.allSettled(values.map((value, index) => running.service.push('x0', 10 * value + (index % 2))));
      const closed = await running.service.close().then(
        () => 'in peace',
        (error: unknown) => Reflect.get(Object(error), 'code'),
      );
      const first = pushed.findIndex(({ status }) => status === 'rejected');
      expect(pushed.slice(first === -1 ? pushed.length : first).filter(({ status }) => status === 'fulfilled')).toEqual([]);
      if (stolen === undefined || first === -1) return;
      expect(closed).toBe('VERSION_CONFLICT');
      expect((await inner.read(stolen + 1, 100)).map(({ type }) => type)).toEqual(['run-ended']);
      refused += 1;
    });
    await fc.assert(property, { numRuns: casesOf(40) });
    expect(refused).toBeGreaterThan(15);
  });
});
