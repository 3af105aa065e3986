import { describe, expect, test } from 'vitest';
import { emit, input, materialize, op, optional, output } from '../../../index.ts';
import { outputPorts } from '../../../operators/index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { whole } from '../rig/whole.ts';

const pair = op({
  name: 'pair',
  outputs: { a: output<number>(), b: optional<number>() },
  *run() {
    yield emit('a', 1);
    yield emit('b', 2);
  },
});
const down = op({ name: 'down', inputs: { x: input<number>() }, run: ({ x }) => x + 10 });
const defs = whole(() => {
  const { a, b } = pair();
  return { a, b, down: down({ x: a }) };
});

/** Collects what a port gives, and that it ended. */
function collect(ports: ReturnType<typeof outputPorts>, step: string, name: string): unknown[] {
  const seen: unknown[] = [];
  ports.output(step, name).subscribe({ next: (value) => seen.push(value), complete: () => seen.push('complete') });
  return seen;
}

describe('output ports', () => {
  test('give the values of every run they are passed to, between ops too, and complete when they are told to', async () => {
    const ports = outputPorts();
    const [a, downs] = [collect(ports, 'pair', 'a'), collect(ports, 'down', 'result')];
    await materialize(defs, { ports });
    await materialize(defs, { ports });
    expect([a, downs]).toEqual([
      [1, 1],
      [11, 11],
    ]);
    ports.complete();
    expect(a).toEqual([1, 1, 'complete']);
    expect(collect(ports, 'pair', 'a')).toEqual(['complete']);
    await materialize(defs, { ports });
    expect(a).toEqual([1, 1, 'complete']);
  });

  test('are behind the gate: nothing that the run does not need, and nothing of a failed step', async () => {
    const ports = outputPorts();
    const b = collect(ports, 'pair', 'b');
    await materialize(defs, { ports, select: ['a'] });
    await materialize(defs, { ports, select: ['a'], unselectedOutputs: 'materialize' });
    expect(b).toEqual([]);
    const failing = op({
      name: 'pair',
      outputs: { a: output<number>() },
      *run() {
        yield emit('a', 1);
        throw new Error('x');
      },
    });
    const a = collect(ports, 'pair', 'a');
    await materialize(
      whole(() => ({ ...failing() })),
      { ports, throwOnFailure: false },
    );
    expect(a).toEqual([]);
  });

  test('are made when somebody asks: late subscribers get what comes from then on', async () => {
    const ports = outputPorts();
    await materialize(defs, { ports });
    const a = collect(ports, 'pair', 'a');
    await materialize(defs, { ports });
    expect(a).toEqual([1]);
  });

  test('one Subject serves all who watch an output, and none can push into it', async () => {
    const ports = outputPorts();
    const [first, second] = [collect(ports, 'pair', 'a'), collect(ports, 'pair', 'a')];
    expect(Reflect.get(ports.output('pair', 'a'), 'next')).toBeUndefined();
    await materialize(defs, { ports });
    expect([first, second]).toEqual([[1], [1]]);
  });

  test('a step and an output whose names run together are not confused', () => {
    const ports = outputPorts();
    const [one, two] = [collect(ports, 'a', 'b.c'), collect(ports, 'a.b', 'c')];
    ports.publish('a', 'b.c', 1);
    expect([one, two]).toEqual([[1], []]);
  });

  test('may be completed, and asked again, while a value is delivered', () => {
    const ports = outputPorts();
    const seen: unknown[] = [];
    ports.output('s', 'o').subscribe({
      next: (value) => {
        seen.push(value);
        if (value === 1) ports.publish('s', 'o', 'nested');
        ports.complete();
        seen.push(...collect(ports, 's', 'o'));
      },
      complete: () => seen.push('over'),
    });
    ports.publish('s', 'o', 1);
    expect(seen.filter((each) => each === 1)).toHaveLength(1);
    expect(seen.at(-1)).toBe('complete');
    expect(seen).toContain('over');
  });

  test('a watcher that unsubscribes early does not disturb the run', async () => {
    const ports = outputPorts();
    const subscription = ports.output('pair', 'a').subscribe(() => subscription.unsubscribe());
    const result = await materialize(defs, { ports, store: memoryStore() });
    expect(result.success).toBe(true);
    expect(subscription.closed).toBe(true);
  });

  test('ports of somebody else that throw error the run, which lets go of the store', async () => {
    const store = memoryStore();
    const ports = {
      ...outputPorts(),
      publish: () => {
        throw new Error('port');
      },
    };
    await expect(materialize(defs, { ports, store })).rejects.toThrow('port');
    expect((await store.runs())[0]?.ended?.status).toBe('failed');
    expect((await materialize(defs, { store, whenBusy: 'error' })).success).toBe(true);
  });
});
