import { Observable, takeWhile, type OperatorFunction, type Subscriber } from 'rxjs';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { kindOf } from '../../lib/kernel/print.ts';
import { disposalError } from '../resources/disposal-error.ts';
import { sharedAbortController } from '../run/environment.ts';
import type { Frame, Frames, OutputValues } from './frames.ts';

/**
 * Runs an epoch for each frame, one at a time and in order; what arrives meanwhile waits.
 *
 *     frames   --1--2--3------|
 *     output   ----1----2----3|
 *
 * Errors: what an epoch ends with, and an error of the source at once. By hand, since concatMap goes a level deeper for each frame that
 * waited and then ran synchronously: some thousands of them overflow the stack.
 */
export function inOrder(prepare: () => Frames): OperatorFunction<unknown, OutputValues> {
  return (frames) =>
    new Observable((subscriber) => {
      const queue = new FrameQueue(prepare(), subscriber);
      subscriber.add(() => queue.stop());
      // A source that emits synchronously, for ever perhaps, is not yet known to the subscriber when that is closed.
      const open = frames.pipe(takeWhile(() => !subscriber.closed));
      subscriber.add(
        open.subscribe({
          next: (frame) => queue.add(frame),
          error: (error: unknown) => subscriber.error(error),
          complete: () => queue.end(),
        }),
      );
    });
}

class FrameQueue {
  readonly #epochs: Frames;
  readonly #subscriber: Subscriber<OutputValues>;
  /** Frames from `#next` on wait; those before it are done, and dropped now and then. */
  #frames: unknown[] = [];
  #next = 0;
  #running: AbortController | undefined;
  #pumping = false;
  #ended = false;
  /** All is delivered, or an epoch has failed: whoever unsubscribes from now on cancels nothing. */
  #over = false;

  constructor(epochs: Frames, subscriber: Subscriber<OutputValues>) {
    this.#epochs = epochs;
    this.#subscriber = subscriber;
  }

  add(frame: unknown): void {
    this.#frames.push(frame);
    this.#pump();
  }

  end(): void {
    this.#ended = true;
    this.#pump();
  }

  stop(): void {
    this.#frames = [];
    this.#next = 0;
    this.#running?.abort();
    // What cannot be disposed by now has nobody left to be told.
    (this.#over ? this.#epochs.close() : this.#epochs.cancel())?.catch(() => undefined);
  }

  /** Not reentrant: what an epoch that ends synchronously leaves to do, the loop does. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#running === undefined && this.#next < this.#frames.length) this.#start(this.#frames[this.#next++]);
    this.#pumping = false;
    this.#dropDone();
    if (this.#ended && this.#running === undefined && this.#frames.length === 0) this.#complete();
  }

  /** When the resources are disposed, if there are any. */
  #complete(): void {
    this.#over = true;
    const closing = this.#epochs.close();
    if (closing === undefined) return this.#subscriber.complete();
    closing
      .then(([failure]) => {
        if (failure === undefined) this.#subscriber.complete();
        else this.#subscriber.error(disposalError(failure));
      })
      .catch((error: unknown) => this.#subscriber.error(error));
  }

  /** Only where half of them are done, so that each frame is moved once on average. */
  #dropDone(): void {
    if (this.#next * 2 < this.#frames.length) return;
    this.#frames.splice(0, this.#next);
    this.#next = 0;
  }

  #start(frame: unknown): void {
    if (typeof frame !== 'object' || frame === null) {
      this.#subscriber.error(new SelectionError('INVALID_OPTION', `A frame is ${kindOf(frame)}. Emit a record of input to value.`));
      return;
    }
    const controller = sharedAbortController();
    this.#running = controller;
    try {
      // Checked just above; what its fields hold is the op's business.
      this.#epochs.run(frame as Frame, controller.signal, (ended) => {
        if ('cancelled' in ended) return;
        this.#over = 'error' in ended;
        if ('error' in ended) return this.#subscriber.error(ended.error);
        this.#subscriber.next(ended.outputs);
        // Only now: what is pushed while a record is delivered is the next epoch.
        this.#running = undefined;
        this.#pump();
      });
    } catch (error) {
      this.#subscriber.error(error);
    }
  }
}
