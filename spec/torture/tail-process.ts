import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../lib/events/store.ts';
import { openStore } from '../../store/open-store.ts';
import { batchOf, logLine, sourceObserved } from '../kit/sample-events.ts';
import { codeOf, obey, say } from './obey.ts';
import { Random } from './random.ts';

// A process that follows a store, or one that takes turns with others to write to it, and follows it with a cursor meanwhile.

/** What the process is to do until it is killed. */
export type TailOrder =
  | { readonly role: 'tail'; readonly folder: string; readonly from: number; readonly skips?: boolean }
  | { readonly role: 'write'; readonly folder: string; readonly seed: number; readonly cursor: string };

async function tailForEver({ folder, from, skips }: TailOrder & { role: 'tail' }): Promise<void> {
  const store = await openStore(folder, { mode: 'read' });
  say('following', from);
  let left = 200;
  for await (const { position } of store.tail({ from })) {
    left -= 1;
    // For those who test the torture: a tail that leaves one out.
    if (skips !== true || left !== 0) say('seen', position);
  }
}

async function writeForEver({ folder, seed, cursor }: TailOrder & { role: 'write' }): Promise<never> {
  const random = new Random(seed);
  for (;;) {
    const store = await openWhenFree(folder);
    say('open');
    const session = { isOver: false, cursor };
    const following = follow(store, session, random.fork());
    const end = performance.now() + 20 + random.below(300);
    while (performance.now() < end) await appendSome(store, random);
    session.isOver = true;
    await store.close();
    await following;
    say('closed');
    await sleep(random.below(20));
  }
}

/** A wait for one's turn has no end here: there are others who want it, and those who look on notice when nobody gets it. */
async function openWhenFree(folder: string): Promise<Store> {
  for (;;) {
    try {
      return await openStore(folder, { waitMs: 1000 });
    } catch (error) {
      if (codeOf(error) !== 'STORE_LOCKED') throw error;
    }
  }
}

/** Takes its time over some events; one that it was not done with when the store was closed is somebody else's. */
async function follow(store: Store, session: { readonly isOver: boolean; readonly cursor: string }, random: Random): Promise<void> {
  say('following with the cursor');
  for await (const { position } of store.tail({ cursor: session.cursor, from: 1 })) {
    if (random.oneIn(20)) await sleep(random.below(6));
    if (session.isOver) return;
    say('seen', position);
  }
}

async function appendSome(store: Store, random: Random): Promise<void> {
  const sizes = Array.from({ length: 1 + random.below(3) }, () => (random.oneIn(30) ? 1 + random.below(700) : 1 + random.below(5)));
  const events = (size: number) => Array.from({ length: size }, (_, at) => (at % 2 === 0 ? sourceObserved('k') : logLine()));
  await Promise.all(sizes.map((size) => store.port.append(batchOf(...events(size)))));
  await sleep(random.below(12));
}

obey<TailOrder>((order) => (order.role === 'tail' ? tailForEver(order) : writeForEver(order)));
