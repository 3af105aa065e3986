import { randomUUID } from 'node:crypto';
import type { Clock } from '../step/clock.ts';

/** The machine's own clock. The only place where the runtime reads time or sets timers. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  timer: (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
});

/** A name for a run, or for a definitions object, that no other one has. */
export function uniqueId(): string {
  return randomUUID();
}

/** Gives the event loop a turn, then calls back. */
export function afterTurn(callback: () => void): void {
  setImmediate(callback);
}
