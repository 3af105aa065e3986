import type { DefinableWorld } from './define-world.ts';
import type { WorldEntry } from './reference.ts';

/** A world as text: `step (inputs) → outputs`, with `?` after what is optional and the asset's key behind each output that is one. */
export function printWorld({ steps, sources }: DefinableWorld): string {
  const entry = (each: WorldEntry): string => ('source' in each ? each.source : `${each.step}.${each.output}`);
  const lines = Object.entries(steps).map(([id, { inputs, outputs, op }]) => {
    const ins = inputs.map(
      ({ name, kind, optional, hold, entries }) =>
        `${name}${optional ? '?' : ''}: ${hold === true ? 'hold ' : ''}${kind} [${entries.map(entry).join(', ')}]`,
    );
    const outs = Object.entries(outputs).map(
      ([name, { required, asset }]) => `${name}${required ? '' : '?'}${asset === undefined ? '' : ` = ${asset}`}`,
    );
    return `${id} (${ins.join('; ')}) → ${outs.join(', ')}   ${op.name}: ${op.shown}`;
  });
  return [...Object.entries(sources).map(([key, value]) => `${key} = ${String(value)}`), ...lines].join('\n');
}
