import { resource, type Provision, type Resource } from '../../../lib/model/resource.ts';
import { ResourceScope, type ResourceDisposalFailure } from '../../../operators/resources/resource-scope.ts';
import { deferred, ready } from '../rig/deferred.ts';

/** How a piece of user code ends. */
export type Way = 'gives' | 'throws' | 'gives later' | 'rejects later';

/** A resource: a value, or a factory whose openings go these ways, one after the other and over again. */
export interface Plan {
  readonly form: 'value' | 'factory';
  readonly openings: readonly Way[];
  readonly disposal: { readonly by: 'factory' | 'value' | 'nobody'; readonly way: Way };
}

/** What happens to a scope. A turn lets all happen that is ready; whatever is taken is taken when nothing else is. */
export type Action =
  | { readonly kind: 'take'; readonly needs: readonly number[] }
  | { readonly kind: 'settle'; readonly which: number }
  | { readonly kind: 'dispose' | 'turn' };

/** One call of `open`. Moments count what was seen; NEVER is one that has not come. */
export interface Opening {
  readonly of: number;
  readonly value: object;
  readonly thrown: object;
  state: 'opening' | 'opened' | 'failed';
  /** When it settled. */
  settled: number;
  /** When that was known to everybody. */
  known: number;
  readonly disposals: { readonly began: number; ended: number }[];
}

/** One call of `take`. */
export interface Taking {
  readonly needs: readonly number[];
  readonly step: string;
  readonly began: number;
  readonly synchronous: boolean;
  readonly opened: readonly number[];
  /** What the rules say of what comes at once. */
  readonly expected: { readonly synchronous: boolean; readonly opened: readonly number[] };
  end: { readonly at: number; readonly taken?: Readonly<Record<string, unknown>>; readonly thrown?: unknown } | undefined;
}

/** A moment that has not come. */
export const NEVER = Infinity;

/** Plays actions against a scope, with user code that settles when it is told to, and writes down what it sees. */
export class ScopePlay {
  readonly openings: Opening[] = [];
  readonly takings: Taking[] = [];
  /** What `dispose` gave, each time that it was called. */
  readonly ends: { at: number; failures: readonly ResourceDisposalFailure[] | undefined }[] = [];
  readonly values: readonly object[];
  readonly violations: string[] = [];
  disposeBegan: number = NEVER;
  readonly #plans: readonly Plan[];
  readonly #resources: readonly Resource[];
  readonly #scope: ResourceScope;
  readonly #waiting: (() => void)[] = [];
  #moment = 0;
  #settling = false;

  constructor(plans: readonly Plan[]) {
    this.#plans = plans;
    this.#resources = plans.map((_, at) => resource(`r${at}`));
    const untouchable = (): void => void this.violations.push('a value was disposed that is not of the run');
    this.values = plans.map(() => ({ [Symbol.dispose]: untouchable, [Symbol.asyncDispose]: untouchable }));
    const provisions = new Map(plans.map((plan, at) => [`r${at}`, this.#provision(plan, at)]));
    this.#scope = new ResourceScope({ provisions, context: { signal: new AbortController().signal, runId: 'run' } });
  }

  async act(action: Action): Promise<void> {
    if (action.kind === 'take') await this.#take(action.needs);
    if (action.kind === 'settle') this.#settle(action.which);
    if (action.kind === 'dispose') this.#dispose();
    if (action.kind === 'turn') await this.#turn();
  }

  /** Disposes, and ends all that is still under way, and what comes of that. */
  async finish(): Promise<void> {
    this.#dispose();
    await this.#turn();
    while (this.#waiting.length > 0) {
      this.#settle(0);
      await this.#turn();
    }
  }

  #provision({ form, disposal }: Plan, at: number): Provision {
    const of = this.#resources[at] ?? resource('none');
    if (form === 'value') return of.value(this.values[at]);
    const open = (): unknown => this.#open(at);
    return of.factory(disposal.by === 'factory' ? { open, dispose: (value) => this.#disposeOne(at, value) } : { open });
  }

  #tick(): number {
    this.#moment += 1;
    return this.#moment;
  }

  async #turn(): Promise<void> {
    await ready(1);
    const now = this.#tick();
    this.#settling = false;
    for (const opening of this.openings) if (opening.settled < NEVER) opening.known = Math.min(opening.known, now);
  }

  #settle(which: number): void {
    const [settle] = this.#waiting.splice(which % Math.max(this.#waiting.length, 1), 1);
    this.#settling = true;
    settle?.();
  }

  #dispose(): void {
    this.disposeBegan = Math.min(this.disposeBegan, this.#tick());
    const end: (typeof this.ends)[number] = { at: NEVER, failures: undefined };
    this.ends.push(end);
    this.#scope.dispose().then(
      (failures) => Object.assign(end, { at: this.#tick(), failures }),
      () => this.violations.push('dispose() rejected'),
    );
  }

  async #take(needs: readonly number[]): Promise<void> {
    if (this.#settling) await this.#turn();
    const expected = this.#expect(needs);
    const before = this.openings.length;
    const began = this.#tick();
    const step = `step${this.takings.length}`;
    let end: Taking['end'];
    let later: Promise<Readonly<Record<string, unknown>>> | undefined;
    try {
      const record = Object.fromEntries(needs.map((of) => [`my${of}`, this.#resources[of] ?? resource('none')]));
      const taken = this.#scope.take(record, { id: step, op: 'op' });
      if (taken instanceof Promise) later = taken;
      else end = { at: this.#tick(), taken };
    } catch (thrown) {
      end = { at: this.#tick(), thrown };
    }
    const opened = this.openings.slice(before).map(({ of }) => of);
    const taking: Taking = { needs, step, began, synchronous: later === undefined, opened, expected, end };
    this.takings.push(taking);
    later?.then(
      (taken) => (taking.end = { at: this.#tick(), taken }),
      (thrown: unknown) => (taking.end = { at: this.#tick(), thrown }),
    );
  }

  /** What is opened at once for these needs, and whether that ends at once too. */
  #expect(needs: readonly number[]): Taking['expected'] {
    const opened: number[] = [];
    if (this.disposeBegan < NEVER) return { synchronous: true, opened };
    for (const of of needs) {
      if (this.#plans[of]?.form === 'value' || this.#is('opened', of)) continue;
      if (this.#is('opening', of)) return { synchronous: false, opened };
      opened.push(of);
      const way = this.#nextWay(of);
      if (way !== 'gives') return { synchronous: way === 'throws', opened };
    }
    return { synchronous: true, opened };
  }

  #is(state: Opening['state'], of: number): boolean {
    return this.openings.some((opening) => opening.of === of && opening.state === state);
  }

  #nextWay(of: number): Way {
    const ways = this.#plans[of]?.openings ?? [];
    return ways[this.openings.filter((opening) => opening.of === of).length % ways.length] ?? 'gives';
  }

  #open(of: number): object {
    if (this.disposeBegan < NEVER) this.violations.push('opened when the run is over');
    if (this.#is('opening', of)) this.violations.push('opened while it is being opened');
    if (this.#is('opened', of)) this.violations.push('opened while it is open');
    const way = this.#nextWay(of);
    const disposal = this.#plans[of]?.disposal.by === 'value' ? { [Symbol.asyncDispose]: () => this.#disposeOne(of, value) } : {};
    const value = { ...disposal };
    const opening: Opening = { of, value, thrown: { of }, state: 'opening', settled: NEVER, known: NEVER, disposals: [] };
    this.openings.push(opening);
    const settled = (): void => {
      opening.settled = this.#tick();
      opening.state = way === 'gives' || way === 'gives later' ? 'opened' : 'failed';
      if (way === 'gives') opening.known = opening.settled;
    };
    return this.#goes(way, opening, settled) ?? value;
  }

  #disposeOne(of: number, value: unknown): void | Promise<void> {
    const opening = this.openings.find((each) => each.value === value);
    const way = this.#plans[of]?.disposal.way ?? 'gives';
    if (opening?.of !== of || opening.state !== 'opened') {
      this.violations.push('disposed what is not open');
      return undefined;
    }
    const disposal = { began: this.#tick(), ended: NEVER };
    opening.disposals.push(disposal);
    return this.#goes<void>(way, { ...opening, value: undefined }, () => (disposal.ended = this.#tick()));
  }

  /** Goes a way, with what it gives or throws; nothing where it gives at once. */
  #goes<T>(way: Way, { value, thrown }: { readonly value: T; readonly thrown: object }, settled: () => void): Promise<T> | undefined {
    if (way === 'gives later' || way === 'rejects later') {
      const later = deferred<T>();
      this.#waiting.push(() => {
        settled();
        if (way === 'gives later') later.resolve(value);
        else later.reject(thrown);
      });
      return later.promise;
    }
    settled();
    if (way === 'throws') throw thrown;
    return undefined;
  }
}
