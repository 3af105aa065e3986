import { writeSync } from 'node:fs';
import type { Line } from './child.ts';

const LINES = 3;

/** Says a line: it is on its way when this returns, whatever becomes of the process. */
export function say(...line: Line): void {
  writeSync(LINES, `${JSON.stringify(line)}\n`);
}

/** Does what the process is told, and says what it failed with. Ends when those who tell are gone. */
export function obey<Order>(work: (order: Order) => Promise<void>): void {
  process.on('message', (order) => {
    // Those who start the script give it its own kind of order.
    work(order as Order).catch((error: unknown) => say('failed', codeOf(error), String(error)));
  });
  process.once('disconnect', () => process.exit(0));
  say('ready');
}

/** The code of an error, or its text. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
