import { StepError } from '../../lib/kernel/errors.ts';
import { invariant } from '../../lib/kernel/invariant.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { Needs, Provision, ResourceContext, ResourceFactory } from '../../lib/model/resource.ts';
import type { Clock } from '../step/clock.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import { disposeValue } from './dispose-value.ts';

/** A resource that could not be let go of. */
export interface ResourceDisposalFailure {
  readonly resource: string;
  readonly thrown: unknown;
}

/** Who asks for resources. */
interface Taker {
  readonly id: string;
  readonly op: string;
}

interface Opened {
  readonly resource: string;
  readonly factory: ResourceFactory<unknown>;
  readonly value: unknown;
}

/** An opening that failed. A box, since anything can be thrown, `undefined` too. */
interface Failed {
  readonly thrown: unknown;
}

type Taken = Readonly<Record<string, unknown>>;

const NOTHING: Taken = Object.freeze({});

/**
 * The resources of one run (or of one live service, one `toOperator` subscription): opened on first use, disposed in reverse order.
 *
 * A resource is opened at most once while that succeeds: who asks for it in the meantime waits for the same opening. A failed opening is
 * forgotten, so that the next one who asks tries again.
 */
export class ResourceScope {
  readonly #provisions: ReadonlyMap<string, Provision>;
  readonly #context: ResourceContext;
  /** In the order in which they were opened. */
  readonly #opened = new Map<string, Opened>();
  /** What is being opened; the promises never reject. */
  readonly #openings = new Map<string, Promise<Failed | undefined>>();
  /** Disposals of what finished opening when the scope was over already. */
  readonly #late: Promise<void>[] = [];
  readonly #failures: ResourceDisposalFailure[] = [];
  /** Names of what was opened and is not disposed yet. */
  readonly #left = new Set<string>();
  #disposal: Promise<readonly ResourceDisposalFailure[]> | undefined;

  constructor({ provisions, context }: { readonly provisions: ReadonlyMap<string, Provision>; readonly context: ResourceContext }) {
    this.#provisions = provisions;
    this.#context = context;
  }

  /**
   * The record that a body gets: its own names for its resources, and their values. A promise only where something has to be waited for.
   *
   * @throws StepError RESOURCE_FAILED, or rejects with it
   */
  take(needs: Needs, step: Taker): Taken | Promise<Taken> {
    if (Object.keys(needs).length === 0) return NOTHING;
    invariant(!Object.hasOwn(needs, 'then'), 'no op calls a resource "then", since a promise of the record would call it');
    for (const { name } of Object.values(needs)) {
      const opening = this.#ensureOpen(name, step);
      if (opening === undefined) continue;
      return opening.then((failed) => {
        if (failed !== undefined) throw couldNotOpen(name, step, failed);
        this.#refuseWhenOver(name, step);
        // Once more from the start: what is open stays open.
        return this.take(needs, step);
      });
    }
    // From entries rather than field by field: a name may be "__proto__".
    return Object.freeze(Object.fromEntries(Object.entries(needs).map(([own, { name }]) => [own, this.#valueOf(name)])));
  }

  /**
   * Disposes everything that was opened, last opened first, one after the other. What is still being opened is waited for, and disposed as
   * soon as it is there: nobody got it. Never rejects: gives what could not be disposed. Asked again, it gives the same promise.
   */
  dispose(): Promise<readonly ResourceDisposalFailure[]> {
    // Starts a microtask later, so that disposing user code that comes back here finds the scope over.
    this.#disposal ??= Promise.resolve().then(() => this.#disposeAll());
    return this.#disposal;
  }

  /**
   * Disposes everything, and waits no longer than so many milliseconds: what has not ended by then is a failure, and left to itself.
   *
   * @param clock what the wait goes by
   */
  async disposeWithin(graceMs: number, clock: Clock): Promise<readonly ResourceDisposalFailure[]> {
    let stopTimer: () => void = () => undefined;
    const late = new Promise<undefined>((resolve) => (stopTimer = clock.timer(graceMs, () => resolve(undefined))));
    const failures = await Promise.race([this.dispose(), late]);
    stopTimer();
    if (failures !== undefined) return failures;
    const thrown = new Error(`it took longer than ${graceMs} ms`);
    return [...this.#failures, ...[...this.#left, ...this.#openings.keys()].map((resource) => ({ resource, thrown }))];
  }

  /** Nothing where the resource is there, else a promise of how its opening ends. */
  #ensureOpen(resource: string, step: Taker): Promise<Failed | undefined> | undefined {
    this.#refuseWhenOver(resource, step);
    const { from } = this.#provisionOf(resource);
    if (from.form === 'value' || this.#opened.has(resource)) return undefined;
    const opening = this.#openings.get(resource) ?? this.#open(resource, from.factory);
    if (opening instanceof Promise) return opening;
    if (opening !== undefined) throw couldNotOpen(resource, step, opening);
    // Its own open() may have ended the scope.
    this.#refuseWhenOver(resource, step);
    return undefined;
  }

  #refuseWhenOver(resource: string, step: Taker): void {
    // Nothing is opened for a run that is cancelled, be it by what was opened before (X12).
    if (this.#disposal === undefined && !this.#context.signal.aborted) return;
    throw refusal(resource, step, { problem: 'the run is over.', cure: 'Run again for what is missing.', cause: undefined });
  }

  /** Opens a resource, at once where `open` does. */
  #open(resource: string, factory: ResourceFactory<unknown>): Promise<Failed | undefined> | Failed | undefined {
    let end: (failed: Failed | undefined) => void = () => undefined;
    const ended = new Promise<Failed | undefined>((resolve) => (end = resolve));
    // Known before open() is called: user code can come back here while it opens.
    this.#openings.set(resource, ended);
    const finish = (failed: Failed | undefined): Failed | undefined => {
      this.#openings.delete(resource);
      end(failed);
      return failed;
    };
    const succeed = (value: unknown): Failed | undefined => {
      this.#keep({ resource, factory, value });
      return finish(undefined);
    };
    const fail = (thrown: unknown): Failed | undefined => finish({ thrown });
    let given: unknown;
    try {
      given = factory.open(this.#context);
    } catch (thrown) {
      return fail(thrown);
    }
    if (!isThenable(given)) return succeed(given);
    adopt(given).then(succeed, fail);
    return ended;
  }

  #keep(opened: Opened): void {
    this.#left.add(opened.resource);
    if (this.#disposal === undefined) this.#opened.set(opened.resource, opened);
    else this.#late.push(this.#disposeOne(opened));
  }

  async #disposeAll(): Promise<readonly ResourceDisposalFailure[]> {
    for (const opened of [...this.#opened.values()].reverse()) await this.#disposeOne(opened);
    await Promise.all(this.#openings.values());
    await Promise.all(this.#late);
    return Object.freeze([...this.#failures]);
  }

  async #disposeOne({ resource, factory, value }: Opened): Promise<void> {
    try {
      await disposeValue(factory, value);
    } catch (thrown) {
      this.#failures.push(Object.freeze({ resource, thrown }));
    } finally {
      this.#left.delete(resource);
    }
  }

  #valueOf(resource: string): unknown {
    const { from } = this.#provisionOf(resource);
    return from.form === 'value' ? from.value : this.#opened.get(resource)?.value;
  }

  #provisionOf(resource: string): Provision {
    const provision = this.#provisions.get(resource);
    invariant(
      provision !== undefined,
      `a step needs the resource ${quote(resource)}, which planning found provided and the run does not have`,
    );
    return provision;
  }
}

function couldNotOpen(resource: string, step: Taker, { thrown }: Failed): StepError {
  const { said } = readThrown(thrown);
  return refusal(resource, step, {
    problem: /[.!?]$/.test(said) ? said : `${said}.`,
    cure: 'See to what open() of its factory needs; a "retry" policy on the op tries again.',
    cause: thrown,
  });
}

function refusal(
  resource: string,
  { id, op }: Taker,
  { problem, cure, cause }: { readonly problem: string; readonly cure: string; readonly cause: unknown },
): StepError {
  return new StepError('RESOURCE_FAILED', `Step ${quote(id)} could not open its resource ${quote(resource)}: ${problem} ${cure}`, {
    details: { step: id, op, resource },
    cause,
  });
}

/** A promise of the language for anyone's thenable. Nothing that a thenable does can throw here. */
function adopt(thenable: PromiseLike<unknown>): Promise<unknown> {
  return new Promise((resolve) => resolve(thenable));
}

/** A value that does not let its `then` be read is a value: it was opened, and has to be disposed. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof Reflect.get(value, 'then') === 'function';
  } catch {
    return false;
  }
}
