import { StepError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import type { ResourceDisposalFailure } from './resource-scope.ts';

/** What is told where no log is: a resource that could not be disposed after everything else had gone well. */
export function disposalError({ resource, thrown }: ResourceDisposalFailure): StepError {
  return new StepError(
    'RESOURCE_FAILED',
    `Resource ${quote(resource)} could not be disposed: ${readThrown(thrown).said}. All steps had succeeded: see to dispose() of its factory.`,
    { details: { resource }, cause: thrown },
  );
}
