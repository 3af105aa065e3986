import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../store/open-store.ts';
import { Nursery, type Child, type Line } from './child.ts';
import { catchInTransaction, TortureFolder } from './folders.ts';
import type { LeaseOrder } from './lease-process.ts';
import type { LiveLeaseOrder } from './live-lease-process.ts';

const PATIENCE_MS = 10_000;

/** A service in another process, with all that it said. */
class Service {
  readonly said: Line[] = [];
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
    child.onLine = (line) => void this.said.push(line);
  }

  tell(order: LiveLeaseOrder): void {
    this.child.tell(order);
  }

  of(about: string): readonly Line[] {
    return this.said.filter(([what]) => what === about);
  }

  async hears(about: string): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; this.of(about).length === 0;) {
      if (performance.now() > end) throw new Error(`${about} was not heard in: ${JSON.stringify(this.said)} ${this.child.stderr}`);
      await sleep(5);
    }
  }
}

/** Stops a service outside of its transactions, and has its lease taken by this process, which writes what it likes meanwhile. */
async function takeOver(service: Service, folder: string, write: (store: Awaited<ReturnType<typeof openStore>>) => Promise<unknown>) {
  for (let caught = true; caught;) {
    service.child.signal('SIGSTOP');
    await sleep(2);
    caught = catchInTransaction(folder, service.child.pid, 1);
    if (caught) service.child.signal('SIGCONT');
  }
  await using disowners = new Nursery('lease-process', 0);
  const disowner = disowners.take();
  const heard = disowner.hears('disowned');
  disowner.tell({ role: 'disown', folder } satisfies LeaseOrder);
  await heard;
  const store = await openStore(folder, { waitMs: PATIENCE_MS });
  await write(store);
  return store;
}

describe.runIf(process.platform === 'linux')('a service whose store another process took over while it was asleep', () => {
  for (const [name, written, order, refused] of [
    ['that has a new value to write', [], { role: 'push', value: 7 }, [7]],
    ['that has a new value of a feed to write', [], { role: 'give', value: 7 }, []],
    // What the service takes for equal may be another value by now, and it would have nothing to write.
    ['that is pushed what it has already', [], { role: 'push', value: 3 }, [3]],
    ['that is given what it has already, by a feed', [], { role: 'give', value: 3 }, []],
    ['that reads something new of the other one', [{ x: 5 }], { role: 'push', value: 3 }, [3]],
    ['that is told of it by the other one alone', [{ x: 5 }, { x: 6 }], undefined, []],
  ] as const)
    test(`${name}, ends with the error of the store, and everybody is told`, async () => {
      using folder = new TortureFolder('memory');
      await (await openStore(folder.path)).close();
      await using nursery = new Nursery('live-lease-process', 0);
      const service = new Service(nursery.take());
      service.tell({ role: 'serve', folder: folder.path });
      await service.hears('serving');
      service.tell({ role: 'push', value: 3 });
      await service.hears('applied');
      await service.hears('epoch');
      await using store = await takeOver(service, folder.path, async (taken) => {
        for (const { x } of written) await taken.put('x', x);
      });
      const head = await store.port.head();
      const before = service.said.length;
      service.child.signal('SIGCONT');
      if (order !== undefined) service.tell(order);
      await service.hears('closed');
      expect(service.of('closed')).toEqual([['closed', 'STORE_LOCKED']]);
      expect(service.of('iterated')).toEqual([['iterated', 'STORE_LOCKED']]);
      expect(service.of('feed closed')).toHaveLength(1);
      expect(service.of('after').map(([, code]) => code)).toEqual(['STORE_LOCKED', 'STORE_LOCKED', 'SERVICE_CLOSED', 'SERVICE_CLOSED']);
      expect(service.of('refused').map(([, value]) => value)).toEqual(refused);
      const after = service.said.slice(before).map(([about]) => about);
      for (const what of ['applied', 'acknowledged', 'epoch', 'failed']) expect(after, JSON.stringify(service.said)).not.toContain(what);
      expect(await store.port.head()).toBe(head);
    });
});
