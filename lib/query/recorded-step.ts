import type { OutputState } from '../events/data-version.ts';
import {
  isReadable,
  type AssetAbsent,
  type AssetEvent,
  type AssetMaterialized,
  type AssetUnchanged,
  type InputEntryRecord,
  type LoggedEvent,
  type ReadableEvent,
  type SourceObserved,
  type StepSettled,
  type UnknownEvent,
} from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import { quote } from '../kernel/print.ts';
import type { AssetNode, LineageNode, OutputNode, SourceNode } from './lineage-graph.ts';

type At<Event> = Event & { readonly position: Position };

/** An event that gave readers of an asset something (F8). */
export type AssetVersionEvent = At<AssetMaterialized | AssetUnchanged | AssetAbsent>;

/** A settled step with the events of its assets, which stand right behind it in the log. */
export interface RecordedStep {
  readonly type: 'step';
  /** The position of the settled step. */
  readonly first: Position;
  /** The position of its last asset event. */
  readonly last: Position;
  /** `undefined` where the event of an asset stands alone. */
  readonly settled: At<StepSettled> | undefined;
  /** By output. */
  readonly assets: ReadonlyMap<string, AssetVersionEvent>;
  readonly inputs: readonly InputEntryRecord[];
}

/** What one event is part of, as far as versions come from it. */
export type Recorded =
  | RecordedStep
  | { readonly type: 'source'; readonly first: Position; readonly last: Position; readonly event: At<SourceObserved> }
  | { readonly type: 'other'; readonly first: Position; readonly last: Position; readonly event: LoggedEvent };

type StepIdentity = Pick<StepSettled, 'runId' | 'definition' | 'step'>;

/** Whether something happened to an asset, also what gives readers nothing. */
export function isAssetEvent(event: LoggedEvent): event is At<AssetEvent> {
  return 'key' in event && event.type !== 'source-observed';
}

/** Whether the event of an asset is one that gives readers something. */
export function isAssetVersion(event: LoggedEvent): event is AssetVersionEvent {
  return isReadable(event) && event.type !== 'source-observed';
}

/** Whether an event is one of an asset, and of the same execution of a step as another one. */
export function isOfStep(settled: StepIdentity, event: LoggedEvent): boolean {
  return isAssetEvent(event) && event.step === settled.step && event.definition === settled.definition && event.runId === settled.runId;
}

/** A step from its own event, or from that of an asset which stands alone, and the events of its assets. */
export function recordedStep(head: At<StepSettled> | AssetVersionEvent, events: readonly LoggedEvent[]): RecordedStep {
  return {
    type: 'step',
    first: head.position,
    last: events.at(-1)?.position ?? head.position,
    settled: head.type === 'step-settled' ? head : undefined,
    assets: new Map(events.filter(isAssetVersion).map((event) => [event.output, event])),
    inputs: head.inputs,
  };
}

/** What an output came out as: the asset version that was recorded of it, else the output itself. */
export function outputNode({ settled, assets }: RecordedStep, output: string): AssetNode | OutputNode | undefined {
  const event = assets.get(output);
  if (event !== undefined) return assetNode(event);
  if (settled === undefined) return undefined;
  const state = settled.outputs.find((each) => each.output === output)?.state ?? { state: 'absent' };
  const name = `${settled.definition}:${settled.step}.${output}`;
  return { kind: 'output', id: `${settled.position}.${output}`, name, ...ofStep({ ...settled, output }), state };
}

function assetNode(event: AssetVersionEvent): AssetNode {
  const outcome = OUTCOMES[event.type];
  return {
    kind: 'asset',
    id: String(event.position),
    name: event.key,
    key: event.key,
    outcome,
    ...ofStep(event),
    state: assetState(event),
  };
}

const OUTCOMES = { 'asset-materialized': 'materialized', 'asset-unchanged': 'unchanged', 'asset-absent': 'absent' } as const;

function assetState(event: AssetVersionEvent): OutputState {
  return event.type === 'asset-absent' ? { state: 'absent' } : { state: 'value', version: event.version };
}

type StepFacts = Pick<AssetNode, 'position' | 'runId' | 'time' | 'definition' | 'step' | 'output' | 'op' | 'codeVersion' | 'config'>;

function ofStep({ position, runId, time, definition, step, output, op, codeVersion, config }: StepFacts): StepFacts {
  return { position, runId, time, definition, step, output, op, codeVersion, config };
}

/** A value of a source. */
export function sourceNode({ position, key, version, runId, time, offset }: At<SourceObserved>): SourceNode {
  return { kind: 'source', id: String(position), name: key, position, key, state: { state: 'value', version }, runId, time, offset };
}

/** What can be said of an event of an unknown kind: what its reader says that it got from it. */
export function unknownNode({ position, kind }: At<UnknownEvent>, state: OutputState): LineageNode {
  return { kind: 'unknown', id: String(position), name: `an event of kind ${quote(kind)}`, position, eventKind: kind, state };
}

/** What readers get of a key, as a node. */
export function versionNode(event: ReadableEvent): SourceNode | AssetNode {
  return event.type === 'source-observed' ? sourceNode(event) : assetNode(event);
}
