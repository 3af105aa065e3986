import { SluiceError } from '../../lib/kernel/errors.ts';
import type { CheckCode } from '../../lib/kernel/error-codes.ts';

/** A check of your own definitions found something. The message is the report; `details` hold the same for machines. */
export class CheckError extends SluiceError {
  readonly code: CheckCode = 'CHECK_FAILED';
}
