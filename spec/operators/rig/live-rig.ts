import { assetsFromGraph, define, graph, input, op, source, type EpochReport } from '../../../index.ts';
import { createStore, type Store } from '../../../lib/events/store.ts';
import { livePort } from '../../../lib/events/tail.ts';
import type { AppendBatch, LivePort, StorePort } from '../../../lib/events/store-port.ts';
import { memoryPort } from '../../../lib/memory/memory-port.ts';
import type { Observable } from 'rxjs';

/** Definitions of one source `x`, of what is made of it, `doubled`, and of what is made of that, `text`. */
export function chain(double: (x: number) => number | Promise<number> = (x) => 2 * x) {
  const doubling = op({ name: 'double', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => double(x) });
  const say = op({ name: 'say', codeVersion: '1', inputs: { doubled: input<number>() }, run: ({ doubled }) => `is ${doubled}` });
  const body = graph('chain', { inputs: { x: input<number>() } }, ({ x }) => {
    const doubled = doubling({ x });
    return { doubled, text: say({ doubled }) };
  });
  return define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true })] });
}

/** Definitions of two sources, `a` and `b`, and of their sum, which remembers what it was called with. */
export function pair(called: (a: number, b: number) => void = () => undefined) {
  const add = op({
    name: 'add',
    codeVersion: '1',
    inputs: { a: input<number>(), b: input<number>() },
    run: ({ a, b }) => {
      called(a, b);
      return a + b;
    },
  });
  const body = graph('sum', { inputs: { a: input<number>(), b: input<number>() } }, ({ a, b }) => add({ a, b }));
  return define({ assets: [source<number>('a'), source<number>('b'), assetsFromGraph(body)] });
}

/** What a test may do to a store under a service. May be changed while it is used. */
export interface LiveInterference {
  /** Called before each append, which waits for it; what it throws is what the append rejects with, and nothing is written. */
  beforeAppend?: ((batch: AppendBatch, index: number) => void | Promise<void>) | undefined;
  /** Called before values are read; what it throws is what the read rejects with. */
  beforeValues?: (() => void | Promise<void>) | undefined;
}

/** A port that a test can delay and break, on another one. */
export function interferingPort(inner: LivePort, interference: LiveInterference): LivePort {
  let appends = 0;
  return {
    ...plain(inner),
    append: async (batch) => {
      const index = appends;
      appends += 1;
      await interference.beforeAppend?.(batch, index);
      return inner.append(batch);
    },
    values: async (addresses) => {
      await interference.beforeValues?.();
      return inner.values(addresses);
    },
  };
}

function plain(inner: LivePort): LivePort {
  return {
    label: inner.label,
    append: (batch) => inner.append(batch),
    head: () => inner.head(),
    read: (from, limit) => inner.read(from, limit),
    readable: (keys, at) => inner.readable(keys, at),
    lastSettled: (outputs, at) => inner.lastSettled(outputs, at),
    lastUnsuccessful: (steps, at) => inner.lastUnsuccessful(steps, at),
    offsets: (keys) => inner.offsets(keys),
    missed: (keys, at) => inner.missed(keys, at),
    runs: () => inner.runs(),
    values: (addresses) => inner.values(addresses),
    has: (addresses) => inner.has(addresses),
    watch: (onChange) => inner.watch(onChange),
    cursor: (name) => inner.cursor(name),
    setCursor: (name, position) => inner.setCursor(name, position),
    close: () => inner.close(),
  };
}

/** A memory store under which a test can interfere. */
export function interferedStore(interference: LiveInterference, inner: LivePort = memoryPort()): Store {
  return createStore(interferingPort(inner, interference), { now: () => 0 });
}

/** The offset that is kept of a source. */
export async function offsetOf({ port }: { readonly port: StorePort }, key: string): Promise<string | undefined> {
  // A key of one part is its own text.
  const [offset] = await livePort(port).offsets([key as Parameters<LivePort['offsets']>[0][number]]);
  return offset;
}

/** All that an Observable gives from now on. */
export function seenOf<T>(observable: Observable<T>): T[] {
  const seen: T[] = [];
  observable.subscribe({ next: (each) => seen.push(each), error: () => undefined });
  return seen;
}

/** Items and steps of epochs, to compare at a glance. */
export function brief(reports: readonly EpochReport[]): readonly string[] {
  return reports.map(({ cause, items, ran }) => `${cause} ${items}: ${ran.join(' ')}`.trim());
}
