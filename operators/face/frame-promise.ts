import { linkedAbortController } from '../run/environment.ts';
import type { Frame, Frames, OutputValues } from './frames.ts';

/**
 * Runs one frame and closes.
 *
 * Rejects with the first StepError, with what a resource threw as it was disposed, or with the signal's reason where it is aborted.
 */
export async function runFrame(frames: Frames, frame: Frame, signal: AbortSignal | undefined): Promise<OutputValues> {
  const { controller, unlink } = linkedAbortController(signal);
  try {
    const outputs = await new Promise<OutputValues>((resolve, reject) => {
      const cancel = (): void => reject(signal?.reason);
      if (controller.signal.aborted) return cancel();
      controller.signal.addEventListener('abort', cancel, { once: true });
      frames.run(frame, controller.signal, (ended) => ('error' in ended ? reject(ended.error) : resolve(ended.outputs)));
    });
    const [failure] = (await frames.close()) ?? [];
    if (failure !== undefined) throw failure.thrown;
    return outputs;
  } finally {
    unlink();
    await (controller.signal.aborted ? frames.cancel(controller.signal.reason) : frames.close());
  }
}
