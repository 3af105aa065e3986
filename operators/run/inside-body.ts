import { StoreError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { StorePort } from '../../lib/events/store-port.ts';

// The store of the run whose body is on the stack. Set and restored synchronously, so it never outlives a call.
let current: StorePort | undefined;

/** Calls the synchronous part of a body of a run on a store. */
export function insideBody<T>(port: StorePort | undefined, body: () => T): T {
  const outer = current;
  current = port;
  try {
    return body();
  } finally {
    current = outer;
  }
}

/**
 * Refuses a run that a body starts on the store of its own run: it would wait for a turn that comes when the body has ended. Seen only up to
 * the body's first `await`: to follow a body beyond that, every await of the process would have to pay.
 *
 * @throws StoreError STORE_BUSY
 */
export function refuseInsideBody(port: StorePort): void {
  if (current !== port) return;
  throw new StoreError(
    'STORE_BUSY',
    `A body, or a hook, started a run on the store of its own run, ${quote(port.label)}, and would wait for itself. Start it when this run has ended, or give it another store.`,
    { details: { store: port.label } },
  );
}
