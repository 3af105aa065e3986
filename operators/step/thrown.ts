import { cutText } from '../../lib/kernel/print.ts';
import { withoutOwnFrames } from '../../lib/kernel/stack.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import type { HookFailed } from '../../lib/events/logged-event.ts';

const LONGEST_NAME = 500;
/** Characters of a message that the log keeps. */
export const LONGEST_MESSAGE = 10_000;
const LONGEST_STACK = 20_000;

/** What an event keeps of something that was thrown: as much as tells people what happened, however much was thrown. */
export function recordThrown(thrown: unknown): HookFailed['error'] {
  const { name, message, stack } = readThrown(thrown);
  return {
    name: cutText(name, LONGEST_NAME),
    message: cutText(message, LONGEST_MESSAGE),
    ...(stack !== undefined && { stack: cutText(stack, LONGEST_STACK) }),
  };
}

/**
 * Takes the frames of Sluice out of the stack of what user code threw, where it is an Error: below the user's own they only tell how a body
 * is called. Everything else of it stays as it is, and so does a stack that cannot be written.
 */
export function dropOwnFrames(thrown: unknown): void {
  try {
    if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return;
    const stack = withoutOwnFrames(thrown.stack);
    if (stack !== thrown.stack) Reflect.set(thrown, 'stack', stack);
  } catch {
    // Anything can be thrown, a Proxy that throws too.
  }
}
