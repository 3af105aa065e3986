import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, live, op, optional, outbox, source, type Delivery, type Store } from '../../../index.ts';
import { createStore } from '../../../lib/events/store.ts';
import { memoryPort } from '../../../lib/memory/memory-port.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready, until } from '../rig/deferred.ts';
import { chain } from '../rig/live-rig.ts';
import { manualClock } from '../rig/manual-clock.ts';

/** A store in which a service has recorded what `x` became, one after the other. */
async function recorded(values: readonly number[], store: Store = memoryStore(), defs = chain()): Promise<Store> {
  const service = await live(defs, { store });
  for (const value of values) await service.push('x', value);
  await service.close();
  return store;
}

const brief = (delivery: Delivery): string => `${delivery.key} ${delivery.state === 'value' ? String(delivery.value) : delivery.state}`;

describe('an outbox', () => {
  test('delivers each change of its assets in the order of the log, and what sources are given stays inside', async () => {
    const even = op({
      name: 'even',
      codeVersion: '1',
      inputs: { x: input<number>() },
      outputs: { even: optional<number>(), half: optional<number>() },
      run: ({ x }) => (x % 2 === 0 ? { even: x, half: x / 2 } : {}),
    });
    const body = graph('evens', { inputs: { x: input<number>() } }, ({ x }) => even({ x }));
    const store = await recorded([2, 3, 4, 4], memoryStore(), define({ assets: [source<number>('x'), assetsFromGraph(body)] }) as never);
    const [all, some]: [string[], string[]] = [[], []];
    const boxes = [
      outbox(store, { name: 'all', deliver: (delivery) => void all.push(brief(delivery)) }),
      outbox(store, { name: 'some', assets: ['even'], deliver: (delivery) => void some.push(brief(delivery)) }),
    ];
    await until(() => all.length === 6 && some.length === 3);
    await ready();
    expect(all).toEqual(['even 2', 'half 1', 'even absent', 'half absent', 'even 4', 'half 2']);
    expect(some).toEqual(['even 2', 'even absent', 'even 4']);
    for (const box of boxes) await box.close();
  });

  test('goes on where the one before it of its name was closed: what was under way comes again, under the same id', async () => {
    const store = await recorded([1, 2, 3]);
    const delivered: string[] = [];
    const tried: string[] = [];
    const first = outbox(store, {
      name: 'mails',
      assets: ['doubled'],
      deliver: ({ id, signal, ...delivery }) => {
        tried.push(id);
        if (delivery.state !== 'value' || delivery.value !== 4) return void delivered.push(id);
        // Nobody answers, until nobody waits any more.
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('hung up'))));
      },
    });
    await until(() => tried.length === 2);
    await first.close();
    const next: string[] = [];
    const second = outbox(store, { name: 'mails', assets: ['doubled'], deliver: ({ id }) => void next.push(id) });
    await until(() => next.length === 2);
    await ready();
    expect([delivered.length, next[0]]).toEqual([1, tried[1]]);
    expect(new Set([...delivered, ...next]).size).toBe(3);
    await second.close();
  });

  test('repeats after a crash what was not noted as delivered, in order and with the same ids', async () => {
    const port = memoryPort();
    const now = (): number => 0;
    const store = await recorded([1, 2, 3, 4], createStore(port, { now }));
    const before: string[] = [];
    outbox(store, { name: 'mails', assets: ['doubled'], deliver: ({ id }) => void before.push(id) });
    await until(() => before.length === 4);
    const after: string[] = [];
    const next = outbox(createStore(port, { now }), { name: 'mails', assets: ['doubled'], deliver: ({ id }) => void after.push(id) });
    await ready();
    expect(before.slice(before.length - after.length)).toEqual(after);
    await next.close();
  });

  test('tries again as its policy says, and ends with what it could not deliver, where the next one of its name begins', async () => {
    const store = await recorded([1, 2]);
    const clock = manualClock();
    const tried: string[] = [];
    const failing = outbox(store, {
      name: 'mails',
      assets: ['doubled'],
      clock,
      retry: { max: 2, delayMs: 100 },
      deliver: (delivery) => {
        tried.push(brief(delivery));
        if (tried.length > 1) throw new Error('the line is dead');
      },
    });
    let isOver = false;
    failing.closed.catch(() => (isOver = true));
    for (let turn = 0; turn < 50 && !isOver; turn += 1) {
      await ready(3);
      clock.advance(100);
    }
    expect(isOver).toBe(true);
    await expect(failing.closed).rejects.toMatchObject({ code: 'OUTBOX_FAILED', details: { name: 'mails', key: 'doubled' } });
    await expect(failing.closed).rejects.toThrow(
      /could not deliver "doubled" of position \d+: the line is dead\. It stopped there, and starts there again/,
    );
    expect(tried).toEqual(['doubled 2', 'doubled 4', 'doubled 4', 'doubled 4']);
    const rest: string[] = [];
    const next = outbox(store, { name: 'mails', assets: ['doubled'], deliver: (delivery) => void rest.push(brief(delivery)) });
    await until(() => rest.length === 1);
    await ready();
    expect(rest).toEqual(['doubled 4']);
    await next.close();
  });

  test('of a new name starts where it is told to, and one that has a cursor does not', async () => {
    const store = await recorded([1, 2]);
    const late: string[] = [];
    const from = (await store.port.head()) + 1;
    const options = { name: 'late', assets: ['doubled'], deliver: (delivery: Delivery) => void late.push(brief(delivery)) };
    const first = outbox(store, { ...options, from });
    await recorded([3], store);
    await until(() => late.length === 1);
    await first.close();
    const second = outbox(store, { ...options, from: 1 });
    await recorded([4], store);
    await until(() => late.length === 2);
    expect(late).toEqual(['doubled 6', 'doubled 8']);
    await second.close();
  });
});
