import { StoreError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { StorePort } from '../../lib/events/store-port.ts';

// The stores of the runs whose code is on the stack, outermost first. Set and restored synchronously, so they never outlive a call.
let current: readonly StorePort[] = [];

/** Calls what a run on a store calls of the user's, up to its first `await`. */
export function insideBody<T>(port: StorePort | undefined, userCode: () => T): T {
  const outer = current;
  if (port !== undefined && !outer.includes(port)) current = [...outer, port];
  try {
    return userCode();
  } finally {
    current = outer;
  }
}

/**
 * Refuses a run that a body, a hook, a factory or a schema starts on the store of its own run: it would wait for a turn that comes when the body has ended. Seen only up to
 * the body's first `await`: to follow a body beyond that, every await of the process would have to pay.
 *
 * @throws StoreError STORE_BUSY
 */
export function refuseInsideBody(port: StorePort): void {
  if (!current.includes(port)) return;
  throw new StoreError(
    'STORE_BUSY',
    `A body, a hook, a factory or a schema started a run on the store of its own run, ${quote(port.label)}, and would wait for itself. Start it when this run has ended, or give it another store.`,
    { details: { store: port.label } },
  );
}
