import { openStore, type OpenStoreOptions } from '../../store/open-store.ts';
import type { Store } from '../../lib/events/store.ts';
import { batchOf, materialized, sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { namedBatch } from './named-batch.ts';

// The other process of the specs: does what it is told by messages, and answers each of them.

/** What the other process can be told. */
export type Order =
  | { readonly do: 'open'; readonly folder: string; readonly options: Omit<OpenStoreOptions, 'now'> }
  | { readonly do: 'put' | 'watch'; readonly value: number }
  | { readonly do: 'fill' }
  | { readonly do: 'append for ever' | 'append under ids for ever' }
  | { readonly do: 'append under an id'; readonly index: number }
  | { readonly do: 'close' };

/** What it says: an answer, or what `append for ever` got acknowledged meanwhile. */
export type Reply =
  | { readonly said: 'done'; readonly result: unknown }
  | { readonly said: 'failed'; readonly code: unknown; readonly details: unknown }
  | { readonly said: 'acknowledged'; readonly last: number };

let store: Store | undefined;

const say = (reply: Reply): void => void process.send?.(reply);

async function obey(order: Order): Promise<unknown> {
  if (order.do === 'open') return void (store = await openStore(order.folder, order.options));
  if (store === undefined) throw new Error('open first');
  switch (order.do) {
    case 'put':
      return store.put('k', order.value);
    case 'watch':
      while ((await store.value('k')) !== order.value) await new Promise((resolve) => setTimeout(resolve, 2));
      return store.port.head();
    case 'fill':
      for (let size = 1; ; size += 1) await store.put('k', 'x'.repeat(size * 1000));
    case 'append for ever':
      for (let round = 0; ; round += 1) await appendSome(store, round);
    case 'append under ids for ever':
      for (let index = 0; ; index += 3) {
        await appendNamed(store, index);
        say({ said: 'acknowledged', last: index + 2 });
      }
    case 'append under an id':
      return store.port.append(namedBatch(order.index));
    case 'close':
      return store.close();
  }
}

/** Batches of one to five events, each with a value of its own, several at once. */
async function appendSome(to: Store, round: number): Promise<void> {
  const batches = Array.from({ length: 3 }, (_, index) => {
    const value = sampleValue(`${round}/${index}/${'v'.repeat((round * 37) % 3000)}`);
    const events = Array.from({ length: 1 + ((round + index) % 5) }, (_unused, at) =>
      materialized(`a/${at}`, { address: value.address, version: value.address, metadata: { round } }),
    );
    return { events, values: [value] };
  });
  const ranges = await Promise.all([...batches.map((batch) => to.port.append(batch)), to.port.append(batchOf(sourceObserved('s')))]);
  say({ said: 'acknowledged', last: Math.max(...ranges.map(({ last }) => last)) });
}

/** Three batches under ids, at once. */
async function appendNamed({ port }: Store, index: number): Promise<void> {
  await Promise.all([0, 1, 2].map((more) => port.append(namedBatch(index + more))));
}

// A file that may not grow any more should be an error of the write, not the end of the process.
process.on('SIGXFSZ', () => undefined);

process.on('message', (order: Order) => {
  obey(order).then(
    (result) => say({ said: 'done', result }),
    (error: unknown) => {
      const { code, details } = error as { code?: unknown; details?: unknown };
      say({ said: 'failed', code: code ?? String(error), details });
    },
  );
});
