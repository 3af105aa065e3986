import type { OutputPorts } from '../step/ports.ts';
import type { SettledStep } from './settled-step.ts';

/** Tells those who watch output Subjects what a step gave in this run. */
export function publishPorts(ports: OutputPorts, { planned, slots }: SettledStep): void {
  for (const index of planned.needed) {
    const slot = slots.get(index);
    const name = planned.step.outputs[index]?.name;
    if (slot?.state === 'value' && name !== undefined) ports.publish(planned.step.id, name, slot.value);
  }
}
