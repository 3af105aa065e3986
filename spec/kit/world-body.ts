import { from, map, mergeMap, type Observable } from 'rxjs';
import { emit, type Emission, type OpContext } from '../../index.ts';
import type { WorldBody } from './reference.ts';

/** The ways in which a body can be written. An op that declares no outputs has a value where others have a record or emissions. */
export type BodyForm = 'record' | 'promise' | 'generator' | 'async generator' | 'observable' | 'operator';

/** All forms. */
export const bodyForms: readonly BodyForm[] = ['record', 'promise', 'generator', 'async generator', 'observable', 'operator'];

/** What a test may hang into bodies. */
export interface BodyHooks {
  /** Awaited by promises, async generators, Observables and operators before each emission; without it the latter two are synchronous. */
  readonly pause?: (step: string) => Promise<void>;
  /** Told of each execution as it starts. */
  readonly watch?: (step: string, inputs: Readonly<Record<string, unknown>>, selected: ReadonlySet<string>) => void;
}

type Inputs = Readonly<Record<string, unknown>>;

/** What `op` takes as a body, when its types are not known. */
export type AnyBody =
  | { readonly run: (inputs: Inputs, context: OpContext) => unknown }
  | { readonly operator: (frames: Observable<Inputs>, context: OpContext) => Observable<unknown> };

/** The same emissions as a body of any form. */
export function bodyInForm(
  form: BodyForm,
  { emit: emissions, plain }: { readonly emit: WorldBody; readonly plain: boolean },
  { pause, watch }: BodyHooks = {},
): AnyBody {
  const all = (inputs: Inputs, { selectedOutputs, step }: OpContext): ReturnType<WorldBody> => {
    watch?.(step, inputs, selectedOutputs);
    return emissions(inputs, selectedOutputs);
  };
  return plain ? plainBody(form, (inputs, context) => valueOf(all(inputs, context)), pause) : emittingBody(form, all, pause);
}

function valueOf(emissions: ReturnType<WorldBody>): unknown {
  return [...emissions][0]?.[1];
}

function plainBody(form: BodyForm, value: (inputs: Inputs, context: OpContext) => unknown, pause: BodyHooks['pause']): AnyBody {
  const later = async (inputs: Inputs, context: OpContext): Promise<unknown> => {
    await pause?.(context.step);
    return value(inputs, context);
  };
  if (form === 'record' || form === 'generator') return { run: value };
  if (form === 'promise' || form === 'async generator') return { run: later };
  return {
    operator: (frames, context) =>
      frames.pipe(pause === undefined ? map((inputs) => value(inputs, context)) : mergeMap((inputs) => later(inputs, context))),
  };
}

function emittingBody(
  form: BodyForm,
  all: (inputs: Inputs, context: OpContext) => ReturnType<WorldBody>,
  pause: BodyHooks['pause'],
): AnyBody {
  function* now(inputs: Inputs, context: OpContext): Generator<Emission, void, unknown> {
    for (const [name, value] of all(inputs, context)) yield emit(name, value);
  }
  async function* later(inputs: Inputs, context: OpContext): AsyncGenerator<Emission, void, unknown> {
    await pause?.(context.step);
    for (const emission of now(inputs, context)) {
      yield emission;
      await pause?.(context.step);
    }
  }
  const observe = (inputs: Inputs, context: OpContext): Observable<Emission> =>
    from(pause === undefined ? now(inputs, context) : later(inputs, context));
  switch (form) {
    case 'record':
      return { run: (inputs, context) => Object.fromEntries(all(inputs, context)) };
    case 'promise':
      return {
        run: async (inputs, context) => {
          await pause?.(context.step);
          return Object.fromEntries(all(inputs, context));
        },
      };
    case 'generator':
      return { run: now };
    case 'async generator':
      return { run: later };
    case 'observable':
      return { run: observe };
    case 'operator':
      return { operator: (frames, context) => frames.pipe(mergeMap((inputs) => observe(inputs, context))) };
  }
}
