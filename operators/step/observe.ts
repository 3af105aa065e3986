import { Observable, Subscription } from 'rxjs';
import { takeEmission, takeValue, threw, type BodyCall } from './body-call.ts';

/** Subscribes; an Observable that is done synchronously costs no promise. Aborting unsubscribes and counts as completion. */
export function observe(call: BodyCall, emissions: Observable<unknown>): Promise<void> | undefined {
  const observer = new BodyObserver(call);
  observer.watch(emissions);
  return observer.completion();
}

/** Feeds one Observable to the outputs. Only rxjs's own are known to end once and be silent afterwards, so it sees to that itself. */
class BodyObserver {
  readonly #call: BodyCall;
  readonly #subscription = new Subscription();
  #results = 0;
  #done = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(call: BodyCall) {
    this.#call = call;
  }

  watch(emissions: Observable<unknown>): void {
    const { signal } = this.#call.context;
    const leave = (): void => this.#end();
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    this.#subscription.add(() => signal.removeEventListener('abort', leave));
    this.#subscribed(emissions).subscribe({
      next: (value) => this.#take(value),
      error: (error: unknown) => this.#end({ error: threw(this.#call, error) }),
      complete: () => this.#end(),
    });
  }

  completion(): Promise<void> | undefined {
    if (!this.#done) return new Promise<void>((resolve) => (this.#wake = resolve)).then(() => this.#finish());
    this.#finish();
    return undefined;
  }

  /** The subscriber is known before the subscription starts: an endless synchronous source has to see that it was closed. */
  #subscribed(emissions: Observable<unknown>): Observable<unknown> {
    return new Observable((subscriber) => {
      this.#subscription.add(subscriber);
      try {
        return emissions.subscribe(subscriber);
      } catch (error) {
        // A subscribe that throws, or a teardown that ran at once.
        this.#fail(error);
        return undefined;
      }
    });
  }

  #take(value: unknown): void {
    if (this.#done) return;
    try {
      if (this.#call.op.declaresOutputs) takeEmission(this.#call, value);
      else takeValue(this.#call, value);
      if (value !== undefined) this.#results += 1;
    } catch (error) {
      this.#end({ error });
    }
  }

  #end(failure?: { readonly error: unknown }): void {
    if (this.#done) return;
    this.#done = true;
    this.#failure = failure;
    try {
      this.#subscription.unsubscribe();
    } catch (error) {
      this.#fail(error);
    }
    this.#wake();
  }

  /** What the user's code threw on the way in or out. What failed first counts. */
  #fail(error: unknown): void {
    const failure = { error: threw(this.#call, error) };
    if (this.#done) this.#failure ??= failure;
    else this.#end(failure);
  }

  #finish(): void {
    const { op, outputs } = this.#call;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!op.declaresOutputs && this.#results === 0) outputs.takeNone();
  }
}
