import { Observable } from 'rxjs';
import { SelectionError } from '../../lib/kernel/errors.ts';

/** What one who asks for changes one by one gets where more come than are asked for. */
export type Lag =
  | { readonly policy: 'lossless'; readonly bound: number }
  /** One change that stands for all that were not asked for. */
  | { readonly policy: 'conflate' }
  /** The last change alone. */
  | { readonly policy: 'latest' };

/** Something that goes on: pushed to those who subscribe, as it comes; pulled by those who iterate, at their pace. */
export interface Changes<T> extends Observable<T>, AsyncIterable<T> {}

/** Who is told. */
export interface Listener<T> {
  readonly next: (told: T) => void;
  readonly error: (error: unknown) => void;
  readonly complete: () => void;
}

/** What {@link changesOf} is made of. */
export interface ChangesOptions<T> {
  /** What is called in messages. */
  readonly name: string;
  readonly lag: Lag;
  /** What stands for two that follow each other. */
  readonly merge: (earlier: T, later: T) => T;
  /** Starts to tell a listener; gives what stops that. */
  readonly listen: (listener: Listener<T>) => () => void;
}

/** Both faces of one stream. Each subscription and each iteration listens for itself. */
export function changesOf<T>(options: ChangesOptions<T>): Changes<T> {
  const observable = new Observable<T>((subscriber) =>
    options.listen({
      next: (told) => subscriber.next(told),
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    }),
  );
  return Object.assign(observable, { [Symbol.asyncIterator]: () => new Pulled(options) });
}

/** What was told and not asked for yet, within its bounds. */
class Pulled<T> implements AsyncIterator<T, undefined> {
  readonly #options: ChangesOptions<T>;
  // One that listens to what is over is told so before it has anything to stop.
  #stop: () => void = () => undefined;
  #told: T[] = [];
  #end: { readonly error: unknown } | 'complete' | undefined;
  #asked: { readonly resolve: (result: IteratorResult<T, undefined>) => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(options: ChangesOptions<T>) {
    this.#options = options;
    this.#stop = options.listen({
      next: (told) => this.#tell(told),
      error: (error) => this.#finish({ error }),
      complete: () => this.#finish('complete'),
    });
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const told = this.#told.shift();
    if (told !== undefined) return Promise.resolve({ done: false, value: told });
    if (this.#end === 'complete') return Promise.resolve({ done: true, value: undefined });
    if (this.#end !== undefined) {
      const { error } = this.#end;
      this.#end = 'complete';
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#told = [];
    this.#finish('complete');
    return Promise.resolve({ done: true, value: undefined });
  }

  #tell(told: T): void {
    if (this.#end !== undefined) return;
    const asked = this.#asked.shift();
    if (asked !== undefined) return asked.resolve({ done: false, value: told });
    const { lag, merge, name } = this.#options;
    const last = this.#told.at(-1);
    if (lag.policy === 'lossless') {
      if (this.#told.length >= lag.bound) return this.#finish({ error: tooFarBehind(name, lag.bound) });
      this.#told.push(told);
    } else this.#told = [lag.policy === 'conflate' && last !== undefined ? merge(last, told) : told];
  }

  #finish(end: { readonly error: unknown } | 'complete'): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#stop();
    const asked = this.#asked;
    this.#asked = [];
    for (const { resolve, reject } of asked) {
      if (this.#end === 'complete') resolve({ done: true, value: undefined });
      else {
        // Told once; who asks again is at the end.
        reject(this.#end.error);
        this.#end = 'complete';
      }
    }
  }
}

function tooFarBehind(name: string, bound: number): SelectionError {
  return new SelectionError(
    'OBSERVER_BEHIND',
    `A reader of ${name} is more than ${bound} behind, which is its bound. Read faster, raise "bound", or choose { policy: "conflate" } or { policy: "latest" }.`,
    { details: { bound } },
  );
}
