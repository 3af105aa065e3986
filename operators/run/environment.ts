import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Clock } from '../step/clock.ts';

/** The machine's own clock. The only place where the runtime reads time or sets timers. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
});

/** A name for a run, or for a definitions object, that no other one has. */
export function uniqueId(): string {
  return randomUUID();
}

/** Gives the event loop a turn, then calls back. */
export function afterTurn(callback: () => void): void {
  setImmediate(callback);
}

/** Gives the event loop a turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => afterTurn(resolve));
}

/** A controller whose signal many bodies may listen to at once: the platform would take more than ten for a leak, and print a warning. */
export function sharedAbortController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** A shared controller that is aborted with a signal, for the same reason, until it is unlinked. */
export function linkedAbortController(signal: AbortSignal | undefined): {
  readonly controller: AbortController;
  readonly unlink: () => void;
} {
  const controller = sharedAbortController();
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted === true) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return { controller, unlink: () => signal?.removeEventListener('abort', abort) };
}
