import type { SourceObserved, StepSettled } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { Freshness, upstreamOutputs, type Stale } from '../../lib/plan/freshness.ts';
import { codeVersionOf } from './code-version.ts';

/** An asset that was loaded although a run would make it anew, and why. */
export interface StaleInput extends Stale {
  readonly key: AssetKey;
}

/** What {@link staleInputs} looks at. */
export interface StaleQuestion {
  readonly port: StorePort;
  readonly readsAt: Position;
  /** Assets that are loaded from other definitions. */
  readonly loads: readonly AssetKey[];
  /** Sources that the run itself observes: they count as observed at its position (N8). */
  readonly observed: ReadonlyMap<AssetKey, SourceObserved>;
}

/** Which of the loaded assets are stale. Costs one batched look-up of everything upstream of them; nothing where nothing is loaded. */
export async function staleInputs(defs: Definitions, { port, readsAt, loads, observed }: StaleQuestion): Promise<readonly StaleInput[]> {
  if (loads.length === 0) return [];
  const outputs = upstreamOutputs(defs, loads);
  const keys = [...new Set(outputs.flatMap(({ stepIndex }) => keysAround(defs, stepIndex)))];
  const [traces, readable] = await Promise.all([port.lastSettled(outputs, readsAt), port.readable(keys, readsAt)]);
  const traceOf = new Map<string, StepSettled | undefined>(
    outputs.map(({ stepIndex, outputIndex }, index) => [`${stepIndex}.${outputIndex}`, traces[index]]),
  );
  const readableOf = new Map(keys.map((key, index) => [key, readable[index]]));
  const freshness = new Freshness(defs, {
    trace: (step, output) => traceOf.get(`${step}.${output}`),
    readable: (key) => {
      const event = observed.get(key);
      return event === undefined ? readableOf.get(key) : { ...event, position: readsAt };
    },
    codeVersion: (step) => codeVersionOf(defs, step),
  });
  return loads.flatMap((key) => {
    const stale = freshness.ofAsset(key);
    return stale === undefined ? [] : [{ key, ...stale }];
  });
}

function keysAround({ graph }: Definitions, stepIndex: number): readonly AssetKey[] {
  const step = graph.steps[stepIndex];
  if (step === undefined) return [];
  const read = step.inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'source' ? [entry.key] : [])));
  return [...read, ...step.outputs.flatMap(({ key }) => key ?? [])];
}
