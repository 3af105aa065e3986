import { StoreError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import type { Position } from './position.ts';
import type { ExpectedPosition } from './store-port.ts';

/** The refusal of a batch that expects something else of a key than the log holds. `label` is how messages call the store. */
export function versionConflict(label: string, { key, position }: ExpectedPosition, found: Position): StoreError {
  return new StoreError(
    'VERSION_CONFLICT',
    `What readers get of ${quote(key)} in the store ${quote(label)} ${at(found)}, where ${position === 0 ? 'nothing' : `position ${position}`} was expected. Nothing was written: read it again, decide anew, and expect position ${found}.`,
    {
      details: { key, expected: position, found },
    },
  );
}

/** The refusal of a batch whose events were numbered for another place in the log. */
export function placeConflict(label: string, expected: Position, found: Position): StoreError {
  return new StoreError(
    'VERSION_CONFLICT',
    `The next event of the store ${quote(label)} has position ${found}, where ${expected} was expected: somebody else has written. Nothing was written: start what wrote here again.`,
    { details: { expected, found } },
  );
}

/** Whether an append was refused because the log held something else of a key than it expected. */
export function isVersionConflict(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'VERSION_CONFLICT';
}

function at(position: Position): string {
  return position === 0 ? 'is nothing yet' : `is of position ${position}`;
}

/** The refusal of a batch whose id another one had. */
export function idempotencyConflict(
  label: string,
  id: string,
  { first, last }: { readonly first: Position; readonly last: Position },
): StoreError {
  const where = last < first ? `after position ${last}` : `at position ${first}`;
  return new StoreError(
    'IDEMPOTENCY_CONFLICT',
    `The store ${quote(label)} holds something else under the id ${quote(id)}, ${where}. Nothing was written: give what is new an id of its own, and repeat under an id only what was asked for with it.`,
    {
      details: { id, first, last },
    },
  );
}
