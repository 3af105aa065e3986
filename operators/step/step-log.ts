import { cutText, printValue } from '../../lib/kernel/print.ts';
import type { LogLevel, OpLog } from '../../lib/model/context.ts';
import { readLogData } from './log-data.ts';
import { LONGEST_MESSAGE } from './thrown.ts';

/** One line that a body wrote. */
export interface StepLine {
  readonly level: LogLevel;
  readonly message: string;
  /** Plain data, frozen; `undefined` where none was given. */
  readonly data: unknown;
}

/** Where the lines of one attempt go. */
export type LineSink = (line: StepLine) => void;

const MOST_LINES = 1000;

/**
 * The log of one attempt: bounded, so that a body in a loop can fill neither memory nor disk. The line after the last one that is kept says
 * that there were more. Never throws: a line that cannot be kept as it is says why.
 */
export function createStepLog(sink: LineSink): OpLog {
  let lines = 0;
  const write = (level: LogLevel, message: string, data: unknown): void => {
    lines += 1;
    if (lines <= MOST_LINES) sink({ level, ...keep(message, data) });
    else if (lines === MOST_LINES + 1)
      sink({ level: 'warn', message: `More than ${MOST_LINES} lines: the rest of this attempt's is left out.`, data: undefined });
  };
  const at =
    (level: LogLevel) =>
    (message: string, data?: unknown): void =>
      write(level, message, data);
  return Object.freeze({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') });
}

function keep(message: unknown, data: unknown): Omit<StepLine, 'level'> {
  const kept = cutText(typeof message === 'string' ? message : printValue(message), LONGEST_MESSAGE);
  const read = readLogData(data);
  return 'problem' in read ? { message: `${kept} (data left out: ${read.problem})`, data: undefined } : { message: kept, data: read.data };
}
