/**
 * What a promise gives, or `undefined` as soon as the signal is aborted: nobody waits any longer then, and what comes late goes to `onLate`.
 * A late rejection goes nowhere.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  onLate: (value: T) => void = () => undefined,
): Promise<T | undefined> {
  if (signal === undefined) return promise;
  let stop: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => {
    const settle = (): void => resolve(undefined);
    signal.addEventListener('abort', settle, { once: true });
    stop = () => signal.removeEventListener('abort', settle);
    if (signal.aborted) settle();
  });
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), aborted]);
    if (first !== undefined) return first.value;
    promise.then(onLate, () => undefined);
    return undefined;
  } finally {
    stop();
  }
}
