import { linkedAbortController } from '../run/environment.ts';
import { disposalError } from '../resources/disposal-error.ts';
import type { Frame, Frames, OutputValues } from './frames.ts';

/**
 * Runs one frame and closes.
 *
 * Rejects with the first StepError, with StepError RESOURCE_FAILED where a resource could not be disposed, or with the signal's reason where it was
 * aborted, when the bodies have ended that had started.
 */
export async function runFrame(frames: Frames, frame: Frame, signal: AbortSignal | undefined): Promise<OutputValues> {
  const { controller, unlink } = linkedAbortController(signal);
  // At once, since an opening may be what the frame waits for.
  const cancel = (): void => void frames.cancel(signal?.reason)?.catch(() => undefined);
  controller.signal.addEventListener('abort', cancel, { once: true });
  if (controller.signal.aborted) cancel();
  try {
    const outputs = await new Promise<OutputValues>((resolve, reject) => {
      // Bodies that have started are told by their signal, and waited for: nothing of theirs goes on when this has ended.
      frames.run(frame, controller.signal, (ended) => {
        if ('cancelled' in ended) reject(signal?.reason);
        else if ('error' in ended) reject(ended.error);
        else resolve(ended.outputs);
      });
    });
    const [failure] = (await frames.close()) ?? [];
    if (failure !== undefined) throw disposalError(failure);
    return outputs;
  } finally {
    unlink();
    await frames.close();
  }
}
