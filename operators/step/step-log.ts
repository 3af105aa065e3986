import { isProxy } from 'node:util/types';
import { isRecord } from '../../lib/kernel/record.ts';
import { fixValue, isKnownImmutable } from '../../lib/kernel/value/fix.ts';
import { decodeValue, encodeValue } from '../../lib/kernel/value/canonical.ts';
import { printValue } from '../../lib/kernel/print.ts';
import type { LogLevel, OpLog } from '../../lib/model/context.ts';

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
const LONGEST_MESSAGE = 10_000;
const MOST_DATA_BYTES = 100_000;

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
  const text = typeof message === 'string' ? message : printValue(message);
  const kept = text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE)}…`;
  const read = readData(data);
  return 'problem' in read ? { message: `${kept} (data left out: ${read.problem})`, data: undefined } : { message: kept, data: read.data };
}

function readData(given: unknown): { readonly data: unknown } | { readonly problem: string } {
  const data = copyPlain(given, new Map());
  const fixed = fixValue(data);
  if (!fixed.storable) return { problem: `${fixed.problem} at ${fixed.path}` };
  try {
    const bytes = encodeValue(data);
    if (bytes.length > MOST_DATA_BYTES) return { problem: `more than ${MOST_DATA_BYTES} bytes` };
    // What cannot be frozen is still the body's to change; the line is not.
    return { data: fixed.immutable ? data : decodeValue(bytes) };
  } catch (error) {
    // Plain data that shares parts can take more bytes than there are.
    if (error instanceof RangeError) return { problem: `more than ${MOST_DATA_BYTES} bytes` };
    throw error;
  }
}

/** Deeper than what can be kept; the rest is not looked at. */
const DEEPEST = 1001;

/**
 * A copy of lists and records, since the line is frozen, and what a body logs is most often what it goes on working with. Runs no getter
 * and no Proxy trap. What is neither stays what it is.
 */
function copyPlain(value: unknown, copies: Map<object, object>, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || !isForCopying(value, depth)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const copy: object = Array.isArray(value) ? [] : {};
  copies.set(value, copy);
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if ('value' in property) property.value = copyPlain(property.value, copies, depth + 1);
    Object.defineProperty(copy, key, property);
  }
  return copy;
}

function isForCopying(value: object, depth: number): boolean {
  return depth <= DEEPEST && !isKnownImmutable(value) && !isProxy(value) && (Array.isArray(value) || isRecord(value));
}
