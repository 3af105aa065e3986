import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, DontRetry, graph, list, materialize, op, type Handle } from '../../../index.ts';
import type { PlannedStep } from '../../../lib/plan/plan.ts';
import { Limits, type InLine } from '../../../operators/run/limits.ts';
import { deferred, type Deferred } from '../rig/deferred.ts';
import { drive, drivenClock, quiet } from '../rig/driven-clock.ts';
import { untyped } from '../rig/untyped.ts';

/** What an op says of its steps. */
interface Kind {
  readonly concurrency?: number;
  readonly pool?: 'api' | 'disk';
}

interface StepPlan {
  /** Which of the ops it is of. */
  readonly kind: number;
  /** The steps before it that it reads. */
  readonly reads: readonly number[];
  /** How its attempts end; the last one stands for the rest. */
  readonly ends: readonly ('succeeds' | 'fails' | 'fails for good')[];
  readonly delayMs: number;
}

interface World {
  readonly concurrency: number;
  readonly pools: Readonly<Record<'api' | 'disk', number>>;
  readonly kinds: readonly Kind[];
  readonly steps: readonly StepPlan[];
}

/** Steps that end when the test says so, what they do, and what they may do. */
class Play {
  readonly clock = drivenClock();
  readonly world: World;
  readonly started: number[] = [];
  /** What a running body waits for, by step. */
  readonly running = new Map<number, { readonly gate: Deferred<void>; readonly attempt: number }>();
  /** When the wait of a step is over, by step. */
  readonly waiting = new Map<number, number>();
  readonly over = new Map<number, 'succeeded' | 'failed'>();
  readonly problems: string[] = [];

  constructor(world: World) {
    this.world = world;
  }

  run(): Promise<{ readonly status: string }> {
    const { steps, kinds, concurrency, pools } = this.world;
    const ops = kinds.map((kind, index) => this.#op(index, kind));
    const defs = define({
      pools,
      assets: [
        assetsFromGraph(
          graph('all', () => {
            const made: Handle<number>[] = [];
            for (const [index, { kind, reads }] of steps.entries()) {
              const before = reads.flatMap((each) => made[each] ?? []);
              const step = ops[kind]?.as(`s${index}`)({ before });
              if (step !== undefined) made.push(step);
            }
            return Object.fromEntries(made.map((handle, index) => [`s${index}`, handle]));
          }),
        ),
      ],
    });
    return materialize(defs, {
      clock: this.clock,
      concurrency,
      throwOnFailure: false,
      onEvent: (event) => {
        if (event.type === 'step-retrying') this.waiting.set(Number(event.step.slice(1)), this.clock.now() + event.delayMs);
        if (event.type === 'step-settled' && event.outcome === 'blocked') this.over.set(Number(event.step.slice(1)), 'failed');
      },
    });
  }

  #op(index: number, kind: Kind) {
    return op({
      name: `op${index}`,
      ...kind,
      inputs: { before: list<number>() },
      retry: { max: 100, delayMs: 0 },
      run: async (_, { step, attempt }): Promise<number> => {
        const number = Number(step.slice(1));
        const gate = deferred();
        this.started.push(number);
        this.waiting.delete(number);
        this.running.set(number, { gate, attempt });
        this.#checkLimits(`when ${step} starts`);
        await gate.promise;
        return number;
      },
    });
  }

  /** Ends a running body. */
  end(index: number): void {
    const { gate, attempt = 0 } = this.running.get(index) ?? {};
    const { ends, delayMs } = this.world.steps[index] ?? { ends: [], delayMs: 0 };
    const how = ends[Math.min(attempt, ends.length) - 1];
    this.running.delete(index);
    if (how === 'fails') {
      gate?.reject(new RetryLater(delayMs));
      return;
    }
    this.over.set(index, how === 'succeeds' ? 'succeeded' : 'failed');
    if (how === 'succeeds') gate?.resolve();
    else gate?.reject(new DontRetry('for good'));
  }

  #count(matches: (kind: Kind, index: number) => boolean): number {
    return [...this.running.keys()].filter((step) => {
      const { kind } = this.world.steps[step] ?? { kind: 0 };
      return matches(this.world.kinds[kind] ?? {}, kind);
    }).length;
  }

  /** The limits that are full, or over-full. */
  #places(): readonly (readonly [name: string, size: number, taken: number])[] {
    const { concurrency, pools, kinds } = this.world;
    return [
      ['run', concurrency, this.running.size],
      ...Object.entries(pools).map(([pool, size]) => [pool, size, this.#count((kind) => kind.pool === pool)] as const),
      ...kinds.map((kind, index) => [`op${index}`, kind.concurrency ?? Infinity, this.#count((_, each) => each === index)] as const),
    ];
  }

  #checkLimits(when: string): void {
    for (const [name, size, taken] of this.#places()) if (taken > size) this.problems.push(`${when}: ${taken} of ${size} in ${name}`);
  }

  /** Nobody who may start is kept waiting. To be asked when all is quiet. */
  checkIdle(): void {
    this.#checkLimits('when all is quiet');
    const full = new Set(this.#places().flatMap(([name, size, taken]) => (taken >= size ? [name] : [])));
    for (const [index, { kind, reads }] of this.world.steps.entries()) {
      if (this.over.has(index) || this.running.has(index)) continue;
      const due = this.waiting.get(index);
      const isReady = due === undefined ? reads.every((each) => this.over.get(each) === 'succeeded') : due <= this.clock.now();
      const limits = ['run', `op${kind}`, this.world.kinds[kind]?.pool ?? 'run'];
      if (isReady && !limits.some((each) => full.has(each))) this.problems.push(`s${index} could run, and does not`);
    }
  }
}

/** Asks for another attempt after so long. A class of its own, as a body would make one of a server's answer. */
class RetryLater extends Error {
  readonly delayMs: number;
  readonly max = 100;

  constructor(delayMs: number) {
    super('later');
    this.delayMs = delayMs;
    Object.defineProperty(this, Symbol.for('sluice.retry-request'), { value: true });
  }
}

const sizes = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }) }, { weight: 1, arbitrary: fc.constant(16) });

const worlds: fc.Arbitrary<World> = fc
  .record({
    concurrency: sizes,
    pools: fc.record({ api: sizes, disk: sizes }),
    kinds: fc.array(
      fc.record({ concurrency: sizes, pool: fc.constantFrom('api' as const, 'disk' as const) }, { requiredKeys: [] }),
      { minLength: 2, maxLength: 4 },
    ), // prettier-ignore
    steps: fc.array(
      fc.record({
        kind: fc.nat(),
        reads: fc.oneof(
          { weight: 2, arbitrary: fc.constant<number[]>([]) },
          { weight: 1, arbitrary: fc.array(fc.nat(), { maxLength: 2 }) },
        ),
        ends: fc.array(fc.constantFrom('fails' as const, 'succeeds' as const, 'succeeds' as const), { maxLength: 2 }),
        last: fc.constantFrom('succeeds' as const, 'succeeds' as const, 'succeeds' as const, 'fails for good' as const),
        delayMs: fc.constantFrom(0, 5, 20),
      }),
      { minLength: 1, maxLength: 14 },
    ),
  })
  .map(({ steps, kinds, concurrency, pools }) => ({
    concurrency,
    // A pool that no op is in is refused, and one more op in each changes nothing.
    kinds: [...kinds, { pool: 'api' as const }, { pool: 'disk' as const }],
    pools,
    steps: steps.map(({ kind, reads, ends, last, delayMs }, index) => ({
      kind: kind % (kinds.length + 2),
      reads: index === 0 ? [] : [...new Set(reads.map((each) => each % index))],
      ends: [...ends, last],
      delayMs,
    })),
  }));

describe('limits, alone and together', () => {
  test('are never exceeded, keep nobody waiting who may start, and let everybody finish', async () => {
    let waits = 0;
    let inLine = 0;
    await fc.assert(
      fc.asyncProperty(worlds, fc.infiniteStream(fc.nat()), async (world, choices) => {
        const play = new Play(world);
        const running = play.run();
        let over = false;
        void running.then(() => (over = true));
        for (let turn = 0; turn < 500; turn += 1) {
          await quiet();
          // Whose wait is over has heard of it.
          play.clock.advance(0);
          await quiet();
          play.checkIdle();
          expect(play.problems).toEqual([]);
          if (over) break;
          const bodies = [...play.running.keys()];
          const choice = choices.next().value % (bodies.length + (play.clock.waiting() > 0 ? 1 : 0) || 1);
          const body = bodies[choice];
          if (play.waiting.size > 0) waits += 1;
          if (play.running.size >= world.concurrency) inLine += 1;
          if (body !== undefined) play.end(body);
          else play.clock.toNext();
        }
        expect(over).toBe(true);
        expect(play.over.size).toBe(world.steps.length);
        expect(play.clock.waiting()).toBe(0);
        const failed = [...play.over.values()].includes('failed');
        expect((await running).status).toBe(failed ? 'failed' : 'succeeded');
      }),
      { numRuns: 200, seed: 8 },
    );
    // The worlds are worth something: steps waited for retries, and for places.
    expect(waits).toBeGreaterThan(100);
    expect(inLine).toBeGreaterThan(100);
  });

  const independent = (count: number, kind = 0): readonly StepPlan[] =>
    Array.from({ length: count }, () => ({ kind, reads: [], ends: ['succeeds'], delayMs: 0 }));
  const base = { concurrency: 16, pools: { api: 16, disk: 16 }, kinds: [{}, { pool: 'api' }, { pool: 'disk' }] } as const;

  test.each<[string, World, number]>([
    ['the concurrency of the run', { ...base, concurrency: 2, steps: independent(5) }, 2],
    ['the concurrency of an op', { ...base, kinds: [{ concurrency: 3 }, ...base.kinds.slice(1)], steps: independent(5) }, 3],
    ['the size of a pool', { ...base, pools: { api: 2, disk: 16 }, steps: independent(5, 1) }, 2],
    ['the least of them', { concurrency: 4, pools: { api: 3, disk: 16 }, kinds: [{}, { pool: 'api', concurrency: 1 }, { pool: 'disk' }], steps: independent(5, 1) }, 1], // prettier-ignore
    ['the default, 16', { ...base, concurrency: 16, steps: independent(20) }, 16],
  ])('%s says how many run at the same time', async (_, world, expected) => {
    const play = new Play(world);
    const running = play.run();
    const counts: number[] = [];
    for (let turn = 0; play.over.size < world.steps.length; turn += 1) {
      await quiet();
      counts.push(play.running.size);
      play.end([...play.running.keys()][0] ?? -1);
    }
    await running;
    expect(Math.max(...counts)).toBe(expected);
    // First come, first served.
    expect(play.started).toEqual(world.steps.map((__, index) => index));
  });

  test('a full pool holds up nobody outside of it', async () => {
    const play = new Play({
      ...base,
      pools: { api: 1, disk: 1 },
      steps: [...independent(3, 1), ...independent(2, 0), ...independent(2, 2)],
    });
    const running = play.run();
    await quiet();
    expect(play.started).toEqual([0, 3, 4, 5]);
    while (play.over.size < 7) {
      play.end([...play.running.keys()][0] ?? -1);
      await quiet();
    }
    await running;
    expect([...play.started].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('ops of one pool share its places, and a pool is for one run alone', async () => {
    const world: World = { ...base, pools: { api: 1, disk: 1 }, kinds: [{ pool: 'api' }, { pool: 'api' }, { pool: 'disk' }], steps: [...independent(1, 0), ...independent(1, 1)] }; // prettier-ignore
    const plays = [new Play(world), new Play(world)];
    const running = plays.map((play) => play.run());
    await quiet();
    expect(plays.map(({ started }) => started)).toEqual([[0], [0]]);
    for (const step of [0, 1]) {
      for (const play of plays) play.end(step);
      await quiet();
    }
    await Promise.all(running);
  });
});

describe('a step that waits for its next attempt', () => {
  const steps = (count: number): readonly StepPlan[] => [
    { kind: 0, reads: [], ends: ['fails', 'succeeds'], delayMs: 50 },
    ...Array.from({ length: count }, () => ({ kind: 0, reads: [], ends: ['succeeds' as const], delayMs: 0 })),
  ];
  const one: Omit<World, 'steps'> = { concurrency: 1, pools: { api: 1, disk: 1 }, kinds: [{}, { pool: 'api' }, { pool: 'disk' }] };

  test.each<[string, Omit<World, 'steps'>]>([
    ['run', one],
    ['op', { ...one, concurrency: 16, kinds: [{ concurrency: 1 }, { pool: 'api' }, { pool: 'disk' }] }],
    ['pool', { ...one, concurrency: 16, kinds: [{ pool: 'api' }, { pool: 'disk' }] }],
  ])('gives its place in the %s to others, and gets in line again', async (_, world) => {
    const play = new Play({ ...world, steps: steps(3) });
    const running = play.run();
    await quiet();
    expect([...play.running.keys()]).toEqual([0]);
    play.end(0);
    await quiet();
    expect([...play.running.keys()]).toEqual([1]);
    play.end(1);
    await quiet();
    // Its time is over while another one has the place: it waits for it, behind who is in line already.
    play.clock.advance(50);
    await quiet();
    expect([...play.running.keys()]).toEqual([2]);
    for (let turn = 0; turn < 4; turn += 1) {
      play.end([...play.running.keys()][0] ?? -1);
      await quiet();
    }
    expect((await running).status).toBe('succeeded');
    expect([...play.started].sort((a, b) => a - b)).toEqual([0, 0, 1, 2, 3]);
    expect(play.problems).toEqual([]);
  });

  test('also where it failed synchronously', async () => {
    const clock = drivenClock();
    const ran: string[] = [];
    const fails = op({ name: 'fails', retry: { max: 1, delayMs: 50 }, run: (__, { attempt }) => { ran.push(`fails ${attempt}`); if (attempt === 1) throw new Error('x'); return 1; } }); // prettier-ignore
    const other = op({ name: 'other', run: async () => { ran.push('other'); return 2; } }); // prettier-ignore
    const defs = define({ assets: [assetsFromGraph(graph('g', () => ({ a: fails(), b: other() })))] });
    await drive(clock, materialize(defs, { clock, concurrency: 1 }));
    expect(ran).toEqual(['fails 1', 'other', 'fails 2']);
  });
});

describe('lines of any length', () => {
  const planned = (kind: Kind): PlannedStep => untyped({ step: { op: kind } });

  /** How long it takes until so many in line were let in one by one. */
  function timeOf(count: number, kinds: readonly Kind[]): number {
    const limits = new Limits(16, new Map([['api', 1], ['disk', 2]])); // prettier-ignore
    const startedAt = performance.now();
    const inside: InLine[] = [];
    for (let index = 0; index < count; index += 1) {
      const waiting = { planned: planned(kinds[index % kinds.length] ?? {}), resume: () => undefined };
      if (limits.enter(waiting)) inside.push(waiting);
    }
    let done = 0;
    for (let next = inside.shift(); next !== undefined; next = inside.shift()) {
      done += 1;
      limits.leave(next.planned);
      for (let entered = limits.next(); entered !== undefined; entered = limits.next()) inside.push(entered);
    }
    expect(done).toBe(count);
    return performance.now() - startedAt;
  }

  test.each<[string, readonly Kind[]]>([
    ['in a pool of one', [{ pool: 'api' }]],
    ['in a pool, of an op with a limit of its own', [{ pool: 'api', concurrency: 1 }]],
    ['of several ops in one pool', [{ pool: 'disk', concurrency: 1 }, { pool: 'disk', concurrency: 2 }, { pool: 'disk' }]],
    ['without a limit but the run', [{}]],
  ])('eight times as many take about eight times as long: %s', (_, kinds) => {
    timeOf(10_000, kinds);
    const ratios = Array.from({ length: 3 }, () => timeOf(80_000, kinds) / Math.max(1, timeOf(10_000, kinds)));
    expect(Math.min(...ratios)).toBeLessThan(24);
  });

  test('a run of 5,000 ready steps in a pool of one', async () => {
    const waits = op({ name: 'waits', pool: 'one', run: () => Promise.resolve(1) });
    const defs = define({
      pools: { one: 1 },
      assets: [
        assetsFromGraph(
          graph('many', () => Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`s${index}`, waits.as(`s${index}`)()]))),
        ),
      ],
    });
    const result = await materialize(defs);
    expect(result.outcomes.size).toBe(5000);
    expect(result.success).toBe(true);
  });
});
