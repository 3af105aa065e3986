import { SluiceError, type RunEvent } from 'sluice';
import { colors, WIDTH, wrap } from './terminal.ts';

/** What failed in a run, a paragraph each; nothing where nothing did. */
export function failuresOf(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.type === 'step-settled' && event.error !== null ? paragraph(event.error.code, event.error.message) : [],
  );
}

/** An error as people need it: its code, and what its message says of what happened and what to do. */
export function describeError(error: unknown): readonly string[] {
  if (error instanceof SluiceError) return paragraph(error.code, error.message);
  // Anything else is a bug of this example, and its stack says where.
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
}

function paragraph(code: string, message: string): readonly string[] {
  return [`${colors.red('✗')} ${colors.bold(code)}`, ...wrap(message, WIDTH - 2).map((line) => `  ${line}`)];
}
