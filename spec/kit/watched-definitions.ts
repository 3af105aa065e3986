import { concatMap, EMPTY, from, isObservable, of, type Observable } from 'rxjs';
import { emit, type AnyOp, type Definitions, type OpContext } from '../../index.ts';
import { isThenable } from '../../lib/kernel/thenable.ts';
import { dataVersion } from '../../lib/kernel/value/version.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import type { Step } from '../../lib/model/step-graph.ts';

type Inputs = Readonly<Record<string, unknown>>;

/** What may be changed of the surroundings in which bodies run, and what was seen of them. */
export class BodyWatch {
  /** Awaited before each body where it is there. */
  pause: (() => Promise<void>) | undefined;
  readonly #given: { readonly step: string; readonly input: string; readonly value: unknown; readonly version: string }[] = [];

  /** Notes what a body is given, as far as it could change that: plain data is frozen, and throws by itself. */
  give(step: string, inputs: Inputs): void {
    for (const [input, value] of Object.entries(inputs)) {
      const fixed = fixValue(value);
      if (fixed.storable && !fixed.immutable) this.#given.push({ step, input, value, version: dataVersion(value) });
    }
  }

  /** The inputs that are no longer what they were when their body was called, since this was asked last. */
  takeMutated(): readonly { readonly step: string; readonly input: string }[] {
    return this.#given.splice(0).filter(({ value, version }) => !fixValue(value).storable || dataVersion(value) !== version);
  }
}

/** The same definitions, with bodies that tell what they are given. */
export function watchedDefinitions(defs: Definitions, watch: BodyWatch): Definitions {
  const ops = new Map<AnyOp, AnyOp>();
  const watched = (op: AnyOp): AnyOp => {
    const known = ops.get(op) ?? watchedOp(op, watch);
    ops.set(op, known);
    return known;
  };
  const steps = defs.graph.steps.map((step): Step => Object.freeze({ ...step, op: watched(step.op) }));
  return Object.freeze({ ...defs, graph: Object.freeze({ ...defs.graph, steps }) });
}

function watchedOp(op: AnyOp, watch: BodyWatch): AnyOp {
  const { body } = op;
  // What follows changes is a program of ours, and there is no call of it to be seen.
  if (body.form === 'keyed') return op;
  const call = (inputs: object, context: OpContext): unknown => {
    // Inputs come as a record; a body is called with no other object.
    watch.give(context.step, inputs as Inputs);
    return body.form === 'run' ? body.run(inputs, context) : body.operator(of(inputs), context);
  };
  const form = (): AnyOp['body'] => {
    const { pause } = watch;
    const { written } = body;
    if (pause !== undefined)
      return {
        form: 'operator',
        written,
        operator: (frames, context) =>
          frames.pipe(concatMap((inputs) => later(pause, () => call(inputs, context)).pipe(concatMap((given) => emissionsOf(op, given))))),
      };
    if (body.form === 'run') return { form: 'run', run: call, written };
    return {
      form: 'operator',
      written,
      // What an operator gives is an Observable; anything else is told by the error of who subscribes.
      operator: (frames, context) => frames.pipe(concatMap((inputs) => call(inputs, context) as Observable<unknown>)),
    };
  };
  // An op is a function with properties: what stands in for it has them by inheritance.
  return Object.create(op, { body: { get: form } }) as AnyOp;
}

function later(pause: () => Promise<void>, call: () => unknown): Observable<{ readonly value: unknown }> {
  // In a box: a promise that resolves with a promise or a generator must not look into it.
  return from(pause().then(() => ({ value: call() })));
}

/** What a body gave, in whichever form, as an Observable of what it emits: only that can be put off without changing the rest. */
function emissionsOf(op: AnyOp, { value }: { readonly value: unknown }): Observable<unknown> {
  if (isThenable(value)) return from(Promise.resolve(value)).pipe(concatMap((settled) => emissionsOf(op, { value: settled })));
  if (typeof value === 'object' && value !== null && isStream(value)) return from(value);
  if (!op.declaresOutputs) return value === undefined ? EMPTY : of(value);
  if (typeof value !== 'object' || value === null) return EMPTY;
  return from(Object.entries(value)).pipe(concatMap(([name, each]) => (each === undefined ? EMPTY : of(emit(name, each)))));
}

function isStream(value: object): value is Observable<unknown> {
  const tag = Object.prototype.toString.call(value);
  return tag === '[object Generator]' || tag === '[object AsyncGenerator]' || isObservable(value);
}
