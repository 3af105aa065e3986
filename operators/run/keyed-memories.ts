import type { StorePort } from '../../lib/events/store-port.ts';
import { Keyed } from '../../lib/kernel/keyed/keyed.ts';
import type { PlannedStep } from '../../lib/plan/plan.ts';
import type { Emitted } from '../step/outputs.ts';
import { KeyedMemories, type MemoryOf } from '../step/keyed-memory.ts';

/** Gone with the store: what is remembered is of use to nobody else. */
const memories = new WeakMap<StorePort, KeyedMemories>();

/** What the steps that run on a store remember of each other's last runs in this process. */
export function memoriesOf(port: StorePort): KeyedMemories {
  const known = memories.get(port) ?? new KeyedMemories();
  memories.set(port, known);
  return known;
}

/** The memory of a planned step whose body follows changes; `undefined` for any other. */
export function memoryFor(port: StorePort | undefined, { step, config }: PlannedStep): MemoryOf | undefined {
  if (port === undefined || step.op.body.form !== 'keyed') return undefined;
  return memoriesOf(port).of(step.op, JSON.stringify([step.definition, step.path, config?.hash ?? null]));
}

/**
 * What a body emitted, which where it is keyed rows shares with what its step gave last what both have in common. A body that follows changes
 * has seen to that itself.
 */
export function sharingRows(port: StorePort | undefined, { step }: PlannedStep, { name, emitted }: NamedEmission): Emitted {
  const { value } = emitted;
  if (port === undefined || !(value instanceof Keyed) || step.op.body.form === 'keyed') return emitted;
  return { ...emitted, value: memoriesOf(port).share(JSON.stringify([step.definition, step.path, [name]]), value) };
}

interface NamedEmission {
  readonly name: string;
  readonly emitted: Emitted;
}
