import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../lib/events/store.ts';
import { livePort } from '../../lib/events/tail.ts';
import { openStore } from '../../store/open-store.ts';
import { batchOf, logLine, sourceObserved } from '../kit/sample-events.ts';

// A process of the specs of tails. What it has seen it writes to a file at once, so that no kill can take it back.

const [role = '', folder = '', file = '', from = '1'] = process.argv.slice(2);

async function note(store: Store, options: Parameters<Store['tail']>[0]): Promise<void> {
  const out = openSync(file, 'a');
  writeSync(out, 'life\n');
  for await (const { position } of store.tail(options)) writeSync(out, `${position}\n`);
}

async function appendForEver(store: Store): Promise<never> {
  for (let round = 0; ; round += 1) {
    const sizes = [1 + ((round * 7) % 50), 1, 1 + ((round * 13) % 5)];
    await Promise.all(
      sizes.map((size) =>
        store.port.append(batchOf(...Array.from({ length: size }, (_, at) => (at % 2 === 0 ? sourceObserved('k') : logLine())))),
      ),
    );
    // Now and then the tails come to the end of the log.
    if (round % 10 === 0) await sleep(5);
  }
}

const roles: Readonly<Record<string, () => Promise<unknown>>> = {
  write: async () => {
    const store = await openStore(folder, { waitMs: 5000 });
    await Promise.all([appendForEver(store), note(store, { cursor: 'c' })]);
  },
  tail: async () => note(await openStore(folder, { mode: 'read' }), { from: Number(from) }),
  // Says how old each event was when it came, where nothing but the file's events can have told of it.
  latency: async () => {
    globalThis.setInterval = Object.assign(() => setTimeout(() => undefined), globalThis.setInterval);
    const store = await openStore(folder, { mode: 'read' });
    const tail = store.tail();
    await store.port.head();
    process.send?.('ready');
    for await (const event of tail) if ('time' in event) process.send?.(Date.now() - event.time);
  },
  wait: async () => {
    const store = await openStore(folder, { mode: 'read' });
    const controller = new AbortController();
    process.once('message', () => {
      controller.abort();
      process.disconnect();
    });
    process.channel?.unref();
    process.send?.('ready');
    for await (const event of store.tail({ signal: controller.signal })) process.send?.(event.position);
  },
  'set a cursor': async () => {
    const store = await openStore(folder);
    await livePort(store.port).setCursor('c', 2);
    await store.close();
  },
};

await roles[role]?.();
