/**
 * Sluice: a reactive dataflow runtime for graph-backed assets.
 *
 * @packageDocumentation
 */
export { DefinitionError, DeltaError, SelectionError, SluiceError, StepError, StoreError } from './lib/kernel/errors.ts';
export type { DefinitionCode, DeltaCode, ErrorCode, SelectionCode, StepCode, StoreCode } from './lib/kernel/error-codes.ts';

export { input, list, nothing, optional, output } from './lib/model/port.ts';
export { keyedInput, keyedOutput } from './lib/model/keyed-port.ts';
export type { InputFlows, KeyedInputPort, KeyedOutputPort, OutputFlows } from './lib/model/keyed-port.ts';
export type { KeyedContext } from './lib/model/keyed-body.ts';
export { emit } from './lib/model/emission.ts';
export { link, markdown, metadataKind, table } from './lib/model/metadata.ts';
export type { MetadataCell, MetadataKind, MetadataLink, MetadataMarkdown, MetadataTable } from './lib/model/metadata.ts';
export { op } from './lib/model/op.ts';
export { graph } from './lib/model/graph.ts';
export { asset } from './lib/model/asset.ts';
export { assetsFromGraph } from './lib/model/assets-from-graph.ts';
export { source } from './lib/model/source.ts';
export { codec } from './lib/model/codec.ts';
export type { Codec, CodecOptions } from './lib/model/codec.ts';
export { define } from './lib/model/definitions.ts';
export type { AssetKey, KeyLike } from './lib/model/asset-key.ts';
export type { Handle, ListHandle } from './lib/model/handle.ts';
export type { InputPort, InputRecord, Inputs, OutputPort, OutputRecord, Outputs } from './lib/model/port.ts';
export type { Emission } from './lib/model/emission.ts';
export type { AnyOp, Op, SingleOp } from './lib/model/op.ts';
export type { EmissionOf } from './lib/model/op-forms.ts';
export type { LogLevel, OpContext, OpLog } from './lib/model/context.ts';
export type { StateDefinition, StateDraft, WithState } from './lib/model/state.ts';
export { resource } from './lib/model/resource.ts';
export type { Provision, Resource, ResourceContext, ResourceFactory } from './lib/model/resource.ts';
export { DontRetry, RetryRequest } from './lib/model/retry.ts';
export type { RetryPolicy } from './lib/model/retry.ts';
export type { FailureHookContext, Hooks, MaterializationHookContext, StepHookContext } from './lib/model/hooks.ts';
export type { Schema } from './lib/kernel/schema.ts';
export type { AnyGraph, Graph } from './lib/model/graph.ts';
export type { AssetNotes } from './lib/model/asset-notes.ts';
export type { AssetsDefinition } from './lib/model/assets-from-graph.ts';
export type { SourceDefinition } from './lib/model/source.ts';
export type { AnyDefinition, Definitions, KeyOf, ValueAt } from './lib/model/definitions.ts';

export { delta } from './lib/kernel/keyed/delta.ts';
export type { Delta } from './lib/kernel/keyed/delta.ts';
export type { Change } from './lib/kernel/keyed/change.ts';
export { pairKey } from './lib/kernel/keyed/key.ts';
export type { Key } from './lib/kernel/keyed/key.ts';
export { keyed } from './lib/kernel/keyed/keyed.ts';
export type { Keyed } from './lib/kernel/keyed/keyed.ts';
export type { Flow, GroupedFlow } from './lib/delta/flow.ts';
export type { Join } from './lib/delta/bilinear.ts';
export type { Aggregate } from './lib/delta/aggregate.ts';
export { aggregates, average, count, max, min, sum } from './lib/delta/aggregates.ts';
export { pipeline } from './lib/delta/pipeline.ts';
export type { Pipeline } from './lib/delta/pipeline.ts';

export { difference, downstreamOf, intersection, union, upstreamOf } from './lib/plan/selection.ts';
export type { Selection } from './lib/plan/selection.ts';
export { plan } from './lib/plan/plan.ts';
export type { Plan, PlannedStep, PlanOptions } from './lib/plan/plan.ts';
export { explain } from './lib/query/explain.ts';
export type { GivenConfig, StepConfig } from './lib/plan/config.ts';
export type { Explanation } from './lib/query/explain.ts';
export type { ExplainableRun, RunExplanation } from './lib/query/explain-run.ts';
export type { StepReason } from './lib/plan/reason.ts';

export { resolve } from './operators/run/resolve.ts';
export type { ResolvedPlan } from './operators/run/resolve.ts';
export { run } from './operators/run/run.ts';
export { reexecute } from './operators/run/reexecute.ts';
export type { ReexecuteOptions } from './operators/run/reexecute.ts';
export { lineage } from './operators/read/lineage.ts';
export type { LineageOptions } from './operators/read/lineage.ts';
export type { Lineage } from './lib/query/lineage.ts';
export type { AssetNode, LineageEdge, LineageNode, OutputNode, SourceNode, UnknownNode } from './lib/query/lineage-graph.ts';
export type { DrawingOptions } from './lib/query/lineage-drawing.ts';
export { deltaBetween } from './operators/read/delta-between.ts';
export type { PositionRange } from './operators/read/delta-between.ts';
export { status } from './operators/read/status.ts';
export type { StatusOptions } from './operators/read/status.ts';
export type { Gone, GoneAsset, GoneDefinition, GoneStep } from './lib/query/gone.ts';
export type { AssetStatus, Status } from './lib/query/status.ts';
export { stateOf } from './operators/read/step-state.ts';
export type { StateOfOptions } from './operators/read/step-state.ts';
export type { Stale } from './lib/plan/freshness.ts';
export { live } from './operators/live/live.ts';
export type { LiveOptions } from './operators/live/live-options.ts';
export type { AnyLiveService, LiveService, LiveServiceOf, WaitingFor, WatchOptions } from './operators/live/service-face.ts';
export { endOfEpoch, feed } from './operators/live/feed.ts';
export { every } from './operators/live/every.ts';
export { outbox } from './operators/live/outbox.ts';
export type { Delivery, Outbox, OutboxOptions } from './operators/live/outbox.ts';
export type { Feed, FeedContext, FeedOptions, Origin } from './operators/live/feed.ts';
export type { EpochPolicy, Overflow, Pushed } from './operators/live/intake.ts';
export type { Changes, Lag } from './operators/live/changes.ts';
export type { AssetChange, AssetNow, EpochReport } from './operators/live/publication.ts';
export { refresh } from './operators/run/refresh.ts';
export type { RefreshOptions } from './operators/run/refresh.ts';
export { materialize } from './operators/run/materialize.ts';
export type { MaterializeOptions } from './operators/run/materialize.ts';
export { testOp } from './operators/face/test-op.ts';
export type { TestOptions } from './operators/face/test-op.ts';
export { runGraph } from './operators/face/run-graph.ts';
export type { RunGraphOptions } from './operators/face/run-graph.ts';
export type { StepState } from './operators/face/frame-states.ts';
export type { StepEvent } from './operators/run/step-events.ts';
export { AbortError } from './operators/run/result.ts';
export type { RefreshResult, RunResult } from './operators/run/result.ts';
export type { Outcome } from './operators/run/outcome.ts';
export type { RunOptions } from './operators/run/options.ts';
export type {
  AssetEvent,
  AssetMaterialized,
  HookFailed,
  LoggedEvent,
  LogLine,
  ReadableEvent,
  RunEnded,
  RunStarted,
  SourceObserved,
  StepSettled,
} from './lib/events/logged-event.ts';
export type { OutputDiscarded, RunEvent, StepRetrying, StepReused, StepStarted } from './lib/events/run-event.ts';
export type { Store } from './lib/events/store.ts';
export type { Clock } from './operators/step/clock.ts';
export type { TailOptions } from './lib/events/tail.ts';
