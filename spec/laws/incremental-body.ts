import { worldOp } from '../kit/world-op.ts';
import type { StepNature, PlacedStep } from './incremental-world.ts';

/** What decides what bodies do beside their inputs. */
export interface Around {
  /** Config by the id of the step; 0 where there is none. */
  readonly config: ReadonlyMap<string, number>;
  /** What volatile bodies read, and nobody else knows of. */
  readonly tick: number;
  /** Steps that fail, whatever they are given. */
  readonly broken: ReadonlySet<string>;
}

/** What a step emits; a thrown error fails it. What lives elsewhere has no emission. */
export function emissionsOf(
  step: PlacedStep,
  { inputs, selected }: { readonly inputs: Readonly<Record<string, unknown>>; readonly selected: ReadonlySet<string> },
  { config, tick, broken }: Around,
): Iterable<readonly [output: string, value: unknown]> {
  if (broken.has(step.id)) throw new Error(`${step.id} is broken`);
  if (step.isVoid) return [];
  const k = step.k + 17 * step.code + (step.takesConfig ? 5 * (config.get(step.id) ?? 0) : 0) + (step.isVolatile ? tick : 0);
  const outputs = Object.fromEntries(step.outputs.map(({ name, required }) => [name, { required }]));
  return worldOp({ name: step.op, inputs: step.inputs, outputs, form: 'generator', behaviour: step.behaviour, k }).emit(inputs, selected);
}

/** The version of an op's code, where it declares one. */
export function declaredVersion({ declaresVersion, code, touched }: StepNature): string | undefined {
  return declaresVersion ? `${code}.${touched}` : undefined;
}
