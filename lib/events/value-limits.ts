import { StoreError } from '../kernel/errors.ts';
import type { OptionRule } from '../kernel/verb-options.ts';
import { addressesOf } from './retention.ts';
import type { Address } from './data-version.ts';
import type { AppendBatch, StoredValue, StoreLimits } from './store-port.ts';
import { quote } from '../kernel/print.ts';

/** The limits of a store for which none are given. */
export const DEFAULT_LIMITS: StoreLimits = Object.freeze({ maxValueBytes: 64 * 2 ** 20 });

/** No value has more bytes when it is encoded. */
const MOST_BYTES = 2 ** 30;

/** The rule of the option `maxValueBytes`. */
export const MAX_VALUE_BYTES: OptionRule = {
  accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= MOST_BYTES,
  cure: `Give a whole number of bytes from 1 to ${MOST_BYTES}.`,
};

/**
 * Refuses a batch with a value that is larger than the store takes.
 *
 * @throws StoreError VALUE_TOO_LARGE
 */
export function checkSizes(batch: AppendBatch, limits: StoreLimits): void {
  for (const value of batch.values) if (sizeOf(value) > limits.maxValueBytes) checkSize(nameOf(batch, value.address), value, limits);
}

/**
 * Refuses a value that is larger than the store takes.
 *
 * @param what the value, as a message begins with it
 * @throws StoreError VALUE_TOO_LARGE
 */
export function checkSize(what: string, value: Pick<StoredValue, 'bytes' | 'size'>, { maxValueBytes }: StoreLimits): void {
  const bytes = sizeOf(value);
  if (bytes <= maxValueBytes) return;
  throw new StoreError('VALUE_TOO_LARGE', `${what} ${tooLarge(bytes, maxValueBytes)}`, { details: { bytes, maxValueBytes } });
}

/** How many bytes a value takes, with all its pieces. */
export function sizeOf({ bytes, size }: Pick<StoredValue, 'bytes' | 'size'>): number {
  return size ?? bytes.length;
}

/** Completes a sentence about a value that a store does not take: how large it is, and what to do. */
export function tooLarge(bytes: number, maxValueBytes: number): string {
  return `takes ${bytes} bytes, and this store takes at most ${maxValueBytes} a value. Keep what is large elsewhere and record a reference, or open the store with a larger "maxValueBytes".`;
}

function nameOf({ events }: AppendBatch, address: Address): string {
  for (const event of events) if ('key' in event && addressesOf(event).includes(address)) return `The value of ${quote(event.key)}`;
  return 'A value';
}
