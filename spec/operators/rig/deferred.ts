/** A promise that a test settles by hand. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes a promise to settle by hand. Nobody has to wait for it: a rejection that nobody sees is fine. */
export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Lets everything that is ready now happen: all microtasks, and some turns of the event loop. */
export async function ready(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Resolves as soon as the claim holds; rejects when it still does not after so many turns of the event loop. */
export async function until(claim: () => boolean, turns = 1000): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    if (claim()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  throw new Error(`after ${turns} turns this does not hold: ${claim.toString()}`);
}
