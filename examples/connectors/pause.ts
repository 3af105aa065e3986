import type { FeedContext } from 'sluice';

/** Waits by the service's time, or until nothing more is wanted. */
export function pause(ms: number, { signal, clock }: Pick<FeedContext, 'signal' | 'clock'>): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      stop();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const stop = clock.timer(ms, wake);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
  });
}
