import { SelectionError } from '../../lib/kernel/errors.ts';
import type { ReadableEvent, SourceObserved } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { Provision } from '../../lib/model/resource.ts';
import type { Entry, Step, StepGraph } from '../../lib/model/step-graph.ts';
import { ConfigReader, type GivenConfig } from '../../lib/plan/config.ts';
import { Freshness, upstreamOutputs, type Recorded, type Stale, type Stands } from '../../lib/plan/freshness.ts';
import type { Trace } from '../../lib/plan/trace.ts';
import { codeVersionOf } from './code-version.ts';
import { lastValues, questionOf, stillKept, type LastQuestion } from './held.ts';

/** An asset that was loaded although a run would make it anew, and why. */
export interface StaleInput extends Stale {
  readonly key: AssetKey;
}

/** What is asked about assets, and of which store. */
export interface FreshnessQuestion {
  readonly port: StorePort;
  readonly readsAt: Position;
  readonly keys: readonly AssetKey[];
  /** Sources that the run itself observes: they count as observed at its position (N8). */
  readonly observed: ReadonlyMap<AssetKey, SourceObserved>;
  /** Where resources come from: their versions are a part of the code version. */
  readonly resources: ReadonlyMap<string, Provision>;
  /** What the run was given as config. Left out where that is not known: then no config is compared. */
  readonly config?: GivenConfig;
  /** Steps that need not be looked at; left out: none. */
  readonly stands?: Stands;
}

/** Which of the assets are stale. Costs one batched look-up of everything upstream of them; nothing where there are none. */
export async function staleInputs(defs: Definitions, question: FreshnessQuestion): Promise<readonly StaleInput[]> {
  if (question.keys.length === 0) return [];
  const freshness = await readFreshness(defs, question);
  return question.keys.flatMap((key) => {
    const stale = freshness.ofAsset(key);
    return stale === undefined ? [] : [{ key, ...stale }];
  });
}

/** Looks up everything that decides about some assets. */
export async function readFreshness(
  defs: Definitions,
  { port, readsAt, keys: asked, observed, resources, config, stands = NONE }: FreshnessQuestion,
): Promise<Freshness> {
  const outputs = upstreamOutputs(defs, asked, stands);
  const looked = asked.filter((key) => !stands(defs.graph.placeOf(key).step));
  const keys = [...new Set([...looked, ...sourcesOf(defs, new Set(outputs.map(({ stepIndex }) => stepIndex)))])];
  const [traces, readable, missed] = await Promise.all([
    port.lastSettled(outputs, readsAt),
    port.readable(keys, readsAt),
    port.missed(looked, readsAt),
  ]);
  const traceOf = Array.from(defs.graph.steps, (): (Trace | undefined)[] => []);
  outputs.forEach(({ stepIndex, outputIndex }, index) => ((traceOf[stepIndex] ??= [])[outputIndex] = traces[index]));
  const readableOf = new Map<AssetKey, ReadableEvent | undefined>();
  keys.forEach((key, index) => readableOf.set(key, readable[index]));
  // Of most assets nothing was missed.
  const missedAt = new Map<AssetKey, Position>();
  looked.forEach((key, index) => missed[index] !== undefined && missedAt.set(key, missed[index].position));
  const codeVersions = new Map<Step['op'], string>();
  return new Freshness(defs, {
    trace: (step, output) => traceOf[step]?.[output],
    readable: (key) => {
      const event = observed.get(key);
      return event === undefined ? readableOf.get(key) : { ...event, position: readsAt };
    },
    held: await heldEntries(defs, new Set(outputs.map(({ stepIndex }) => stepIndex)), { port, readsAt }),
    missed: (key) => missedAt.size > 0 && (missedAt.get(key) ?? 0) > (readableOf.get(key)?.position ?? 0),
    codeVersion: (step) => {
      const known = codeVersions.get(step.op) ?? codeVersionOf({ defs, resources }, step);
      codeVersions.set(step.op, known);
      return known;
    },
    config: configHashes(defs, config),
    stands,
  });
}

/** What entries had last that some input of these steps holds. */
async function heldEntries(
  { graph }: Definitions,
  steps: ReadonlySet<number>,
  { port, readsAt }: Pick<FreshnessQuestion, 'port' | 'readsAt'>,
): Promise<Recorded['held']> {
  const inputs = [...steps].flatMap((index) => graph.steps[index]?.inputs ?? []);
  const entries = inputs.flatMap(({ hold, entries: wired }) => (hold ? wired : []));
  if (entries.length === 0) return () => undefined;
  const questions = entries.map((entry) => outputRead(graph, entry));
  const last = await lastValues(port, questions, readsAt);
  const found = entries.flatMap((entry, index) => (last[index] === undefined ? [] : [[entry, last[index]] as const]));
  const held = await stillKept(port, new Map(found));
  return (entry) => held.get(entry)?.state;
}

function outputRead({ steps }: StepGraph, entry: Entry): LastQuestion {
  return entry.from === 'source' ? { output: undefined, key: entry.key } : questionOf(steps[entry.step], entry.output);
}

const NONE: Stands = () => false;

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

function sourcesOf({ graph }: Definitions, steps: Iterable<number>): ReadonlySet<AssetKey> {
  const keys = new Set<AssetKey>();
  for (const index of steps) addSources(graph.steps[index], keys);
  return keys;
}

function addSources(step: Step | undefined, keys: Set<AssetKey>): void {
  for (const { entries } of step?.inputs ?? []) for (const entry of entries) if (entry.from === 'source') keys.add(entry.key);
}
