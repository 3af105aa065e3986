import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bitsetEpoch } from '../../../lib/epoch/bitset-epoch.ts';
import { countingEpoch } from '../../../lib/epoch/counting-epoch.ts';
import { createEpoch } from '../../../lib/epoch/create-epoch.ts';
import type { Epoch, EpochGraph } from '../../../lib/epoch/epoch.ts';
import { ancestorsOf, drive, epochCases, NaiveEpoch, type EpochCase, type Move } from './drive.ts';

const makers: Readonly<Record<string, (graph: EpochGraph) => Epoch>> = { bitset: bitsetEpoch, counting: countingEpoch };

function law(check: (shape: EpochCase) => void, numRuns = 400): void {
  fc.assert(
    fc.property(epochCases(), (shape) => {
      check(shape);
    }),
    { numRuns },
  );
}

function chain(length: number): EpochGraph {
  return { predecessors: Array.from({ length }, (_, node) => (node === 0 ? [] : [node - 1])) };
}

/** Marks all, then always settles what was started last, with everything behind it woken. */
function exhaust(epoch: Epoch, size: number): readonly number[] {
  for (let node = 0; node < size; node += 1) epoch.mark(node);
  const order: number[] = [];
  const running: number[] = [];
  while (!epoch.settled) {
    for (let node = epoch.next(); node >= 0; node = epoch.next()) {
      running.push(node);
      order.push(node);
    }
    const done = running.pop();
    if (done === undefined) throw new Error('stuck');
    epoch.settle(done, []);
  }
  return order;
}

for (const [name, make] of Object.entries(makers)) {
  describe(`the ${name} epoch`, () => {
    test('settle-once: a node starts at most once', () => {
      expect.hasAssertions();
      law((shape) => {
        const started = drive(make(shape.graph), shape);
        expect(new Set(started).size).toBe(started.length);
      });
    });

    test('glitch-free: a node never starts while anything before it is dirty or running', () => {
      expect.hasAssertions();
      law((shape) => {
        const ancestors = ancestorsOf(shape.graph);
        const dirty = new Set(shape.marks);
        const running = new Set<number>();
        const glitches: number[] = [];
        drive(make(shape.graph), shape, (move) => {
          if (move.type === 'start') {
            if ([...(ancestors[move.node] ?? [])].some((node) => dirty.has(node) || running.has(node))) glitches.push(move.node);
            dirty.delete(move.node);
            running.add(move.node);
          } else if (move.type === 'settle') {
            running.delete(move.node);
            for (const node of move.woken) dirty.add(node);
          }
        });
        expect(glitches).toEqual([]);
      });
    });

    test('liveness: while it is not settled, something runs or may start', () => {
      expect.hasAssertions();
      // Driving throws where it is stuck.
      law((shape) => {
        const epoch = make(shape.graph);
        drive(epoch, shape);
        expect([epoch.settled, epoch.running, epoch.next()]).toEqual([true, 0, -1]);
      });
    });

    test('minimality: what starts is what was marked or woken, no more and no less', () => {
      expect.hasAssertions();
      law((shape) => {
        const wanted = new Set(shape.marks);
        const started = drive(make(shape.graph), shape, (move) => {
          if (move.type === 'settle') for (const node of move.woken) wanted.add(node);
        });
        expect(new Set(started)).toEqual(wanted);
      });
    });

    test('gives the answers of the rule, move by move', () => {
      expect.hasAssertions();
      law((shape) => {
        const epoch = make(shape.graph);
        const naive = new NaiveEpoch(shape.graph);
        for (const mark of shape.marks) naive.mark(mark);
        const compare = (move: Move): void => {
          const [got, wanted] = move.type === 'settle' ? [0, 0] : [move.type === 'start' ? move.node : -1, naive.next()];
          if (move.type === 'settle') naive.settle(move.node, move.woken);
          expect(got).toBe(wanted);
          expect([epoch.running, epoch.settled]).toEqual([naive.running, naive.settled]);
        };
        drive(epoch, shape, compare);
        expect(naive.settled).toBe(true);
      }, 800);
    });

    test('starts nothing and is settled when nothing was marked', () => {
      const epoch = make(chain(3));
      expect([epoch.settled, epoch.next(), epoch.running]).toEqual([true, -1, 0]);
    });

    test('takes a second mark of a dirty node as one', () => {
      const epoch = make(chain(3));
      epoch.mark(1);
      epoch.mark(1);
      expect(epoch.next()).toBe(1);
      epoch.settle(1, []);
      expect([epoch.settled, epoch.next()]).toEqual([true, -1]);
    });

    test('has another round after it has settled', () => {
      const epoch = make(chain(3));
      for (const round of [1, 2]) {
        epoch.mark(0);
        expect([round, epoch.next()]).toEqual([round, 0]);
        epoch.settle(0, [1]);
        expect([round, epoch.next()]).toEqual([round, 1]);
        epoch.settle(1, []);
        expect([round, epoch.settled]).toEqual([round, true]);
      }
    });

    test('refuses to settle what does not run, and to mark what runs', () => {
      const epoch = make(chain(3));
      epoch.mark(1);
      expect(() => epoch.settle(1, [])).toThrow('only a running node settles, and once');
      epoch.next();
      expect(() => epoch.mark(1)).toThrow('nothing can mark it');
      epoch.settle(1, []);
      expect(() => epoch.settle(1, [])).toThrow('only a running node settles, and once');
    });

    test('runs independent nodes beside each other, and a join after all of them', () => {
      const epoch = make({ predecessors: [[], [], [0, 1], [2]] });
      for (const node of [3, 2, 1, 0]) epoch.mark(node);
      expect([epoch.next(), epoch.next(), epoch.next(), epoch.running]).toEqual([0, 1, -1, 2]);
      epoch.settle(1, []);
      expect(epoch.next()).toBe(-1);
      epoch.settle(0, []);
      expect([epoch.next(), epoch.next()]).toEqual([2, -1]);
      epoch.settle(2, []);
      expect(epoch.next()).toBe(3);
    });

    test('waits for what runs far before, through nodes that nothing marked', () => {
      const epoch = make(chain(5));
      epoch.mark(0);
      epoch.mark(4);
      expect([epoch.next(), epoch.next()]).toEqual([0, -1]);
      epoch.settle(0, []);
      expect(epoch.next()).toBe(4);
    });

    test('takes a chain of 10,000 asynchronous nodes in its stride', () => {
      const size = 10_000;
      const began = performance.now();
      expect(exhaust(make(chain(size)), size)).toHaveLength(size);
      expect(performance.now() - began).toBeLessThan(5_000);
    });
  });
}

test('bitset and counting are the same state machine: same starts in the same order, whatever settles when', () => {
  expect.hasAssertions();
  law((shape) => {
    const moves: Move[] = [];
    const order = drive(bitsetEpoch(shape.graph), shape, (move) => moves.push(move));
    const counting = countingEpoch(shape.graph);
    for (const mark of shape.marks) counting.mark(mark);
    const again: number[] = [];
    for (const move of moves) {
      if (move.type === 'settle') counting.settle(move.node, move.woken);
      else {
        const node = counting.next();
        if (node >= 0) again.push(node);
      }
    }
    expect([again, counting.settled]).toEqual([order, true]);
  }, 800);
});

describe('createEpoch', () => {
  test('takes 25,000 nodes without their quadratic ancestor sets', () => {
    const size = 25_000;
    const before = process.memoryUsage().arrayBuffers;
    // Wide at first, then a chain: several nodes run at a time, so ancestors would be asked for.
    const graph = { predecessors: Array.from({ length: size }, (_, node) => (node < 100 ? [] : [node - 100, node - 1])) };
    const began = performance.now();
    expect(exhaust(createEpoch(graph), size)).toHaveLength(size);
    expect(performance.now() - began).toBeLessThan(5_000);
    // 25,000² bits are 78 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });

  test('answers the same below and above the size at which it counts', () => {
    for (const size of [19_999, 20_000, 20_001]) {
      const epoch = createEpoch(chain(size));
      epoch.mark(size - 1);
      epoch.mark(3);
      expect([size, epoch.next(), epoch.next()]).toEqual([size, 3, -1]);
      epoch.settle(3, [4]);
      expect([size, epoch.next()]).toEqual([size, 4]);
      epoch.settle(4, []);
      expect([size, epoch.next()]).toEqual([size, size - 1]);
    }
  });
});
