import type { Clock } from '../step/clock.ts';

/** Calls back once: after so many milliseconds, or as soon as the signal is aborted. Leaves neither a timer nor a listener behind. */
export function whenDue(
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  callback: () => void,
): void {
  const end = (): void => {
    stop();
    signal.removeEventListener('abort', end);
    callback();
  };
  const stop = clock.timer(ms, end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
}
