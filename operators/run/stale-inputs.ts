import { SelectionError } from '../../lib/kernel/errors.ts';
import type { SourceObserved, StepSettled } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import { ConfigReader, type GivenConfig } from '../../lib/plan/config.ts';
import { Freshness, upstreamOutputs, type Recorded, type Stale } from '../../lib/plan/freshness.ts';
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
  /** What the run was given as config. Left out where that is not known: then no config is compared. */
  readonly config?: GivenConfig;
}

/** Which of the loaded assets are stale. Costs one batched look-up of everything upstream of them; nothing where nothing is loaded. */
export async function staleInputs(defs: Definitions, question: StaleQuestion): Promise<readonly StaleInput[]> {
  const { port, readsAt, loads, observed, config } = question;
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
    config: configHashes(defs, config),
  });
  return loads.flatMap((key) => {
    const stale = freshness.ofAsset(key);
    return stale === undefined ? [] : [{ key, ...stale }];
  });
}

function configHashes(defs: Definitions, given: GivenConfig | undefined): Recorded['config'] {
  if (given === undefined) return () => undefined;
  const reader = new ConfigReader(defs, given);
  return (step) => hashOf(reader, step);
}

/** Nothing where this run gives the step no config that it could run with, which it need not, since it does not run it. */
function hashOf(reader: ConfigReader, step: Step): string | null | undefined {
  try {
    return reader.of(step)?.hash ?? null;
  } catch (error) {
    if (error instanceof SelectionError) return undefined;
    throw error;
  }
}

function keysAround({ graph }: Definitions, stepIndex: number): readonly AssetKey[] {
  const step = graph.steps[stepIndex];
  if (step === undefined) return [];
  const read = step.inputs.flatMap(({ entries }) => entries.flatMap((entry) => (entry.from === 'source' ? [entry.key] : [])));
  return [...read, ...step.outputs.flatMap(({ key }) => key ?? [])];
}
