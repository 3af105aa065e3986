import { assetsFromGraph, define, feed, graph, input, live, op, source } from '../../index.ts';
import { openStore } from '../../store/open-store.ts';
import { codeOf, obey, say } from './obey.ts';

// A process with a live service, which pushes what it is told to, and says what became of it and of everybody who waits for the service.

/** What the process is to do. */
export type LiveLeaseOrder =
  | { readonly role: 'serve'; readonly folder: string }
  /** As an item of the feed, which is acknowledged, or by hand. */
  | { readonly role: 'give' | 'push'; readonly value: number };

let give: (value: number) => void = () => undefined;
let push: (value: number) => void = () => undefined;

/** Items as they are given from outside, for as long as anybody asks for them. */
async function* given(signal: AbortSignal): AsyncGenerator<number> {
  const waiting: number[] = [];
  let wake: () => void = () => undefined;
  signal.addEventListener('abort', () => wake());
  give = (value) => (waiting.push(value), wake());
  try {
    while (!signal.aborted) {
      const value = waiting.shift();
      if (value === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield value;
    }
  } finally {
    say('feed closed');
  }
}

async function serve(folder: string): Promise<void> {
  const double = op({ name: 'double', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => 2 * x });
  const doubled = graph('doubled', { inputs: { x: input<number>() } }, ({ x }) => double({ x }));
  const defs = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(doubled)] });
  const store = await openStore(folder, { waitMs: 10_000 });
  const acknowledge = (value: number): void => say('acknowledged', value);
  const service = await live(defs, { store, sources: { x: feed<number>({ from: ({ signal }) => given(signal), acknowledge }) } });
  push = (value) =>
    void service.push('x', value).then(
      ({ outcome, position }) => say(outcome, value, position),
      (error: unknown) => say('refused', value, codeOf(error)),
    );
  void (async () => {
    for await (const { position } of service.epochs()) say('epoch', position);
  })().catch((error: unknown) => say('iterated', codeOf(error)));
  say('serving');
  const code = await service.closed.then(() => 'nothing', codeOf);
  for (const waited of [service.settled(), service.durable(), service.push('x', 1), service.update({})])
    say('after', await waited.then(() => 'nothing', codeOf));
  await store.close();
  say('closed', code);
}

obey<LiveLeaseOrder>(async (order) => {
  if (order.role === 'serve') await serve(order.folder);
  else if (order.role === 'push') push(order.value);
  else give(order.value);
});
