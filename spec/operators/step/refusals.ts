import { StepError } from '../../../index.ts';

/** The StepError that a call throws; anything else it throws is thrown on. */
export function thrownBy(call: () => unknown): StepError {
  try {
    call();
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The StepError that something rejects with. */
export async function rejectedBy(given: unknown): Promise<StepError> {
  try {
    await given;
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
