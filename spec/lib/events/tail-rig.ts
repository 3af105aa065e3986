import type { LoggedEvent } from '../../../lib/events/logged-event.ts';
import type { LivePort } from '../../../lib/events/store-port.ts';
import { memoryPort } from '../../../lib/memory/memory-port.ts';
import { batchOf, sourceObserved } from '../../kit/sample-events.ts';

/** A memory port that counts what tails ask of it, and may be made to fail or wait. */
export interface CountedPort extends LivePort {
  readonly reads: { readonly from: number; readonly limit: number }[];
  readonly saves: number[];
  readonly watching: () => number;
}

/** Makes one; what `over` says goes instead. */
export function countedPort(over: (inner: LivePort) => Partial<LivePort> = () => ({})): CountedPort {
  const inner = memoryPort();
  const reads: { from: number; limit: number }[] = [];
  const saves: number[] = [];
  let watching = 0;
  const forwarded: LivePort = {
    label: 'counted',
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
    cursor: (name) => inner.cursor(name),
    setCursor: (name, position) => inner.setCursor(name, position),
    watch: (onChange) => inner.watch(onChange),
    close: () => inner.close(),
    ...over(inner),
  };
  return {
    ...forwarded,
    reads,
    saves,
    watching: () => watching,
    read: (from, limit) => {
      reads.push({ from, limit });
      return forwarded.read(from, limit);
    },
    setCursor: (name, position) => {
      saves.push(position);
      return forwarded.setCursor(name, position);
    },
    watch: (onChange) => {
      const stop = forwarded.watch(onChange);
      let stopped = false;
      watching += 1;
      return () => {
        if (!stopped) watching -= 1;
        stopped = true;
        stop();
      };
    },
  };
}

/** Appends some events in one batch. */
export async function appendSome(port: LivePort, count: number): Promise<void> {
  await port.append(batchOf(...Array.from({ length: count }, (_, index) => sourceObserved(`k/${index}`))));
}

/** The positions of the next events. */
export async function positions(events: AsyncIterator<LoggedEvent>, count: number): Promise<readonly number[]> {
  const taken: number[] = [];
  while (taken.length < count) {
    const { done, value } = await events.next();
    if (done === true) throw new Error(`ended after ${taken.join(', ')}`);
    taken.push(value.position);
  }
  return taken;
}

/** From one number to another. */
export function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
