import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Subject } from 'rxjs';
import { feed, keyed, live, type AssetChange, type Changes, type EpochReport, type Pushed } from '../../index.ts';
import { createStore } from '../../lib/events/store.ts';
import { assetKey } from '../../lib/model/asset-key.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { Publication } from '../../operators/live/publication.ts';
import { ready } from '../operators/rig/deferred.ts';
import { anyRows, pickedRows, totalOf, type Rows } from '../operators/rig/keyed-rig.ts';
import { chain, interferedStore, interferingPort } from '../operators/rig/live-rig.ts';
import { manualClock } from '../operators/rig/manual-clock.ts';
import { casesOf } from './incremental-play.ts';

const moment = fc.constantFrom('settled' as const, 'durable' as const);

describe('what flows through a live service', () => {
  test('L7 no more waits than Q, and no more is settled and not on disk than W, however fast items come', async () => {
    const act = fc.oneof(
      fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ do: fc.constantFrom('step' as const, 'write' as const, 'turn' as const), count: fc.integer({ min: 1, max: 3 }) }),
    );
    const bounds = fc.record({
      capacity: fc.integer({ min: 1, max: 5 }),
      window: fc.integer({ min: 1, max: 3 }),
      items: fc.integer({ min: 1, max: 3 }),
      overflow: fc.constantFrom('dropOldest' as const, 'conflate' as const, 'error' as const, 'block' as const),
    });
    let [full, behindMost] = [0, 0];
    const property = fc.asyncProperty(bounds, fc.array(act, { maxLength: 30, size: 'max' }), async (bound, acts) => {
      const { capacity, window, overflow } = bound;
      // More than there is ever room for is refused.
      const items = overflow === 'conflate' ? Math.min(bound.items, capacity) : bound.items;
      const [steps, writes]: [(() => void)[], (() => void)[]] = [[], []];
      const store = interferedStore({ beforeAppend: () => new Promise((resolve) => writes.push(resolve)) });
      const defs = chain((x) => new Promise((resolve) => steps.push(() => resolve(x))));
      let [pulled, allowed] = [0, 0];
      const pull = async function* (): AsyncGenerator<number> {
        for (; ; pulled += 1) {
          while (pulled >= allowed) await new Promise((resolve) => setImmediate(resolve));
          yield pulled;
        }
      };
      const from = overflow === 'block' ? { from: pull } : {};
      const x = feed<number>({ ...from, overflow, capacity, initial: 0 });
      const service = await live(defs, { store, window, epochs: { items }, sources: { x }, clock: manualClock() });
      let [settled, durable, taken, waiting] = [0, 0, 0, 0];
      service.epochs({ at: 'settled' }).subscribe((report) => ((settled += 1), (taken += report.items)));
      service.epochs({ at: 'durable' }).subscribe(() => (durable += 1));
      const outcomes: string[] = [];
      const settle = ({ outcome }: Pushed): void => void ((waiting -= 1), outcomes.push(outcome));
      for (const { do: what, count } of acts) {
        if (what === 'push' && overflow === 'block') allowed += count;
        else if (what === 'push') {
          for (let n = 0; n < count; n += 1, waiting += 1)
            void service.push('x', outcomes.length + n).then(settle, () => ((waiting -= 1), outcomes.push('refused')));
        } else for (const resolve of (what === 'step' ? steps : writes).splice(0, count)) resolve();
        await ready(3);
        behindMost = Math.max(behindMost, settled - durable);
        expect(settled - durable).toBeLessThanOrEqual(window);
        // One is in the hand of who pulls; those of an epoch have left the queue, and wait for a step or the disk.
        const [held, most] = overflow === 'block' ? [pulled - taken, items + 1] : [waiting, items * (window + 1)];
        expect(held).toBeLessThanOrEqual(capacity + most);
      }
      const dropping = { dropOldest: 'dropped', conflate: 'conflated', error: 'refused', block: 'applied' }[overflow];
      expect(outcomes.filter((outcome) => outcome !== 'applied' && outcome !== dropping)).toEqual([]);
      full += outcomes.filter((outcome) => outcome === dropping).length;
      const closing = service.close({ drain: false });
      for (let isOver = false; !isOver;) {
        for (const resolve of [...steps.splice(0), ...writes.splice(0)]) resolve();
        isOver = await Promise.race([closing.then(() => true), ready(1).then(() => false)]);
      }
    });
    await fc.assert(property, { numRuns: casesOf(40) });
    expect(full).toBeGreaterThan(50);
    expect(behindMost).toBeGreaterThan(1);
  });

  test('L8 who is told of all is told of each epoch once, who conflates of a strictly increasing part up to the last; deltas add up for both', async () => {
    let skipped = 0;
    const act = fc.oneof({ weight: 3, arbitrary: anyRows }, { weight: 1, arbitrary: fc.constantFrom('read' as const, 'turn' as const) });
    const property = fc.asyncProperty(moment, fc.array(act, { minLength: 2, maxLength: 20, size: 'max' }), async (at, acts) => {
      const store = memoryStore();
      await store.put('rows', keyed<string, number>([]));
      const service = await live(pickedRows(), { store });
      const [all, merged]: [AssetChange<Rows>[], AssetChange<Rows>[]] = [[], []];
      const [epochs, few]: [EpochReport[], EpochReport[]] = [[], []];
      service.value('picked', { at }).subscribe((change) => all.push(change));
      service.epochs({ at }).subscribe((report) => epochs.push(report));
      const lag = { policy: 'conflate' } as const;
      const slow = service.value('picked', { at, lag })[Symbol.asyncIterator]();
      const slowly = service.epochs({ at, lag })[Symbol.asyncIterator]();
      for (const each of acts) {
        if (typeof each !== 'string') void service.push('rows', keyed(each));
        else if (each === 'turn') await ready(1);
        else {
          // Who asks where nothing came would wait for what comes next.
          const next = all.length > 0 && (merged.at(-1)?.position ?? -1) < (all.at(-1)?.position ?? -1) ? await slow.next() : undefined;
          if (next?.value !== undefined) merged.push(next.value);
          const report = (few.at(-1)?.epoch ?? -1) < (epochs.at(-1)?.epoch ?? -1) ? await slowly.next() : undefined;
          if (report?.value !== undefined) few.push(report.value);
        }
      }
      await service.durable();
      await ready(2);
      const now = await service.current('picked');
      await service.close();
      for (let next = await slow.next(); next.done !== true; next = await slow.next()) merged.push(next.value);
      for (let next = await slowly.next(); next.done !== true; next = await slowly.next()) few.push(next.value);
      const wanted = now?.state === 'value' ? [...now.value] : [];
      expect(totalOf(all)).toEqual(wanted);
      expect(totalOf(merged)).toEqual(wanted);
      expect(epochs.map(({ epoch }) => epoch)).toEqual(epochs.map((_, index) => (epochs[0]?.epoch ?? 0) + index));
      for (const [part, whole] of [
        [few.map(({ epoch }) => epoch), epochs.map(({ epoch }) => epoch)],
        [merged.map(({ position }) => position), all.map(({ position }) => position)],
      ] as const) {
        expect(part.filter((each, index) => index > 0 && each <= (part[index - 1] ?? 0))).toEqual([]);
        expect(part.filter((each) => !whole.includes(each))).toEqual([]);
        expect(part.at(-1)).toBe(whole.at(-1));
        skipped += whole.length - part.length;
      }
      expect(few.reduce((sum, { items }) => sum + items, 0)).toBe(epochs.reduce((sum, { items }) => sum + items, 0));
    });
    await fc.assert(property, { numRuns: casesOf(60) });
    expect(skipped).toBeGreaterThan(100);
  });

  test('L9 nobody who waits for the disk is told of what a crash could forget', async () => {
    let told = 0;
    const writing = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 });
    const values = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 15, size: 'max' });
    const property = fc.asyncProperty(writing, values, fc.option(fc.nat({ max: 12 })), async (turns, values, dies) => {
      const inner = memoryPort();
      let [written, before, asked]: [number, Promise<void>, number] = [0, Promise.resolve(), 0];
      const offsets = new Set<string>();
      const port = interferingPort(inner, {});
      const append: typeof port.append = (batch) => {
        const index = asked++;
        const appended = before.then(async () => {
          await ready(turns[index % turns.length] ?? 0);
          if (dies !== null && index > dies) throw new Error('the disk is gone');
          const done = await inner.append(batch);
          written = Math.max(written, await inner.head());
          for (const { offset } of batch.offsets ?? []) offsets.add(offset);
          return done;
        });
        before = appended.then(
          () => undefined,
          () => undefined,
        );
        return appended;
      };
      const store = createStore({ ...port, append }, { now: () => 0 });
      // What an observer threw would be an uncaught error, and not the end of this property.
      const early: string[] = [];
      const tells =
        (who: string) =>
        ({ position = 0 }: { readonly position?: number | undefined }): void => {
          told += 1;
          if (position > written) early.push(`${who} is told of ${position}, and ${written} are written`);
        };
      const log = values.map((value, index) => ({ at: index + 1, value }));
      const x = feed<number, (typeof log)[number]>({
        // Some come twice: that they are on disk is also said only when they are.
        from: () => log.flatMap((item) => (item.value === 0 ? [item, item] : [item])),
        offset: ({ at }) => String(at),
        fold: (sum = 0, { value }) => sum + value,
        initial: 0,
        acknowledge: ({ at }) => {
          told += 1;
          if (Math.max(0, ...[...offsets].map(Number)) < at) early.push(`item ${at} is acknowledged`);
        },
      });
      const failed: unknown[] = [];
      const service = await live(chain(), { store, sources: { x }, closeWhenDone: true });
      const error = (thrown: unknown): unknown => failed.push(thrown);
      service.epochs().subscribe({ next: tells('epochs()'), error });
      service.changes('doubled').subscribe({ next: tells('changes()'), error });
      service.value('text').subscribe({ next: tells('value()'), error });
      void service.push('x', { at: 0, value: 7 }).then(tells('push()'), error);
      void service.durable().then((position) => tells('durable()')({ position }), error);
      await service.closed.catch(error);
      await ready(3);
      expect(early).toEqual([]);
      for (const each of failed) expect(String(each)).toContain('the disk is gone');
      expect(failed.length > 0 && dies === null).toBe(false);
    });
    await fc.assert(property, { numRuns: casesOf(60) });
    expect(told).toBeGreaterThan(200);
  });

  test('L10 what an observer pushes lands in a later epoch, and no epoch begins within another one', async () => {
    let landed = 0;
    const reaction = fc.record({ at: moment, of: fc.constantFrom('changes', 'value', 'epochs'), pushes: fc.nat({ max: 2 }) });
    const property = fc.asyncProperty(
      fc.array(reaction, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 8, size: 'max' }),
      fc.boolean(),
      async (reactions, values, isLater) => {
        const store = memoryStore();
        await store.put('x', 0);
        let [open, telling, left] = [0, false, 40];
        const wrong: string[] = [];
        const enter = (): void => {
          if (telling) wrong.push('a step begins while observers are told');
          if ((open += 1) > 1) wrong.push('a step begins while one of another epoch runs');
        };
        const defs = chain((x) => {
          enter();
          if (!isLater) return ((open -= 1), x);
          return ready(1).then(() => ((open -= 1), x));
        });
        const service = await live(defs, { store });
        const pushed: Promise<unknown>[] = [];
        const react = (epoch: number, count: number): void => {
          telling = true;
          for (let n = 0; n < count && left > 0; n += 1) {
            const late = service.push('x', 100 + (left -= 1)).then((done) => {
              landed += 1;
              if ((done.epoch ?? 0) <= epoch) wrong.push(`told of ${epoch}, and landed in ${done.epoch}`);
            });
            pushed.push(late);
          }
          telling = false;
        };
        const ended: number[] = [];
        service.epochs({ at: 'settled' }).subscribe(({ epoch }) => {
          if (open > 0) wrong.push(`epoch ${epoch} is over, and a step runs`);
          ended.push(epoch);
        });
        for (const { at, of, pushes } of reactions) {
          if (of === 'epochs') service.epochs({ at }).subscribe(({ epoch }) => react(epoch, pushes));
          else service[of === 'value' ? 'value' : 'changes']('doubled', { at }).subscribe(({ epoch }) => react(epoch, pushes));
        }
        for (const value of values) pushed.push(service.push('x', value));
        for (let count = -1; count !== pushed.length;) {
          count = pushed.length;
          await Promise.all(pushed);
          await service.durable();
        }
        await service.close();
        expect(wrong).toEqual([]);
        expect(ended).toEqual(ended.map((_, index) => (ended[0] ?? 0) + index));
      },
    );
    await fc.assert(property, { numRuns: casesOf(40) });
    expect(landed).toBeGreaterThan(100);
  });

  test('L11 who has left hears nothing and is forgotten; who comes again is given what there is; the end leaves nothing behind', async () => {
    let left = 0;
    const listenTo = vi.spyOn(Publication.prototype, 'listenTo');
    const act = fc.oneof(
      fc.record({ do: fc.constant('push' as const), value: fc.nat({ max: 9 }) }),
      ...(['subscribe', 'iterate'] as const).map((what) =>
        fc.record({ do: fc.constant(what), at: moment, of: fc.constantFrom('changes' as const, 'value' as const, 'epochs' as const) }),
      ),
      fc.record({ do: fc.constant('leave' as const), which: fc.nat({ max: 9 }) }),
      fc.record({ do: fc.constant('turn' as const) }),
    );
    const property = fc.asyncProperty(fc.array(act, { maxLength: 25, size: 'max' }), fc.boolean(), async (acts, isDropped) => {
      listenTo.mockClear();
      const inner = memoryPort();
      let watchers = 0;
      const port = interferingPort(inner, {});
      const watch: typeof port.watch = (onChange) => {
        const stop = inner.watch(onChange);
        watchers += 1;
        return () => ((watchers -= 1), stop());
      };
      const clock = manualClock();
      const items = new Subject<number>();
      const x = feed<number>({ from: items, overflow: 'conflate', initial: 0, restart: { max: 1, delayMs: 10 } });
      const options = { clock, epochs: { items: 2, ms: 50 }, retryFailed: { max: 2, delayMs: 10 }, sources: { x } };
      const service = await live(
        chain((value) => {
          if (value === 3) throw new Error('3 is not for doubling');
          return value;
        }),
        { store: createStore(Object.assign(port, { watch }), { now: () => 0 }), ...options },
      );
      await service.durable();
      const here: (() => void)[] = [];
      const gone = new Set<number>();
      const late: number[] = [];
      const open = (of: 'changes' | 'value' | 'epochs', at: 'settled' | 'durable'): Changes<unknown> => {
        if (of === 'epochs') return service.epochs({ at });
        return of === 'value' ? service.value('doubled', { at }) : service.changes('doubled', { at });
      };
      for (const each of acts) {
        if (each.do === 'push') items.next(each.value);
        else if (each.do === 'turn') await ready(1);
        else if (each.do === 'leave') here.splice(each.which % Math.max(1, here.length), 1)[0]?.();
        else if (each.do === 'iterate') {
          const iterator = open(each.of, each.at)[Symbol.asyncIterator]();
          iterator.next().catch(() => undefined);
          here.push(() => void iterator.return?.());
        } else if (each.do === 'subscribe') {
          const who = (left += 1);
          const subscription = open(each.of, each.at).subscribe({ next: () => gone.has(who) && late.push(who) });
          here.push(() => (gone.add(who), subscription.unsubscribe()));
        }
      }
      for (const leave of here) leave();
      await service.durable();
      // Contexts are what it was called on.
      for (const publication of listenTo.mock.contexts as readonly Publication[])
        expect(publication.watches(assetKey('doubled', 'a test'))).toBe(false);
      const again: unknown[] = [];
      const subscription = service
        .value('doubled')
        .subscribe((change) => again.push(change.state === 'value' ? change.value : change.state));
      await ready(3);
      const now = await service.current('doubled');
      expect(again).toEqual([now?.state === 'value' ? now.value : now?.state]);
      subscription.unsubscribe();
      items.next(8);
      await service.durable();
      expect(late).toEqual([]);
      expect(again).toHaveLength(1);
      await service.close({ drain: !isDropped });
      await ready(2);
      expect([clock.waiting(), watchers, items.observed]).toEqual([0, 0, false]);
    });
    await fc.assert(property, { numRuns: casesOf(60) }).finally(() => listenTo.mockRestore());
    expect(left).toBeGreaterThan(60);
  });
});
