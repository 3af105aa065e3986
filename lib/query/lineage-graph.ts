import type { OutputState } from '../events/data-version.ts';
import type { InputEntryRecord } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import type { AssetKey } from '../model/asset-key.ts';

interface OfVersion {
  /** Unique in every lineage of a store: the event's position, for a step output with `.` and its name behind it. */
  readonly id: string;
  /** What it is called: its key, for a step output `definition:step.output`. */
  readonly name: string;
  /** The event that recorded it; for a step output the settled step. */
  readonly position: Position;
  /** `value` with its data version, or `absent`. */
  readonly state: OutputState;
}

interface OfStep {
  readonly runId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly definition: string;
  /** The step's path inside its definition. */
  readonly step: string;
  readonly output: string;
  readonly op: string;
  /** The code that made it, as its op's `codeVersion` states; `session:…` for an op that states none. */
  readonly codeVersion: string;
  /** Hash of the op's config; `null` for an op without one. */
  readonly config: string | null;
}

/** A value of a source, as it was observed. */
export interface SourceNode extends OfVersion {
  readonly kind: 'source';
  readonly key: AssetKey;
  /** The run that observed it; `null` for a put outside of any run. */
  readonly runId: string | null;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly offset: string | null;
}

/** A version of an asset, as it was recorded. */
export interface AssetNode extends OfVersion, OfStep {
  readonly kind: 'asset';
  readonly key: AssetKey;
  readonly outcome: 'materialized' | 'unchanged' | 'absent';
}

/** What an output of a step was in one run, where it was recorded as no asset. */
export interface OutputNode extends OfVersion, OfStep {
  readonly kind: 'output';
}

/** An event of a kind that this version of Sluice does not know, and that something was made from. */
export interface UnknownNode extends OfVersion {
  readonly kind: 'unknown';
  readonly eventKind: string;
}

/** One thing in a lineage. */
export type LineageNode = SourceNode | AssetNode | OutputNode | UnknownNode;

/** One entry of an input: `to` was made from `from`. */
export interface LineageEdge {
  readonly from: string;
  readonly to: string;
  /** The name of the input. */
  readonly input: string;
  /** `nothing` where only the order was wanted, and no value was read. */
  readonly kind: InputEntryRecord['kind'];
}

/** What a lineage is as data. */
export interface LineageGraph {
  readonly key: AssetKey;
  /** Where the walk stood in the log: what readers got of the key as of here is what it starts from. */
  readonly position: Position;
  /** The end of the log: nothing behind it was looked at. */
  readonly head: Position;
  readonly direction: 'back' | 'forward' | 'both';
  /** The id of the node that was asked for. */
  readonly start: string;
  /** The event that gave readers the value of `start` first: an earlier one where `start` is `unchanged`. */
  readonly valueSince: Position;
  /** By position, so that a node comes after all that it was made from. */
  readonly nodes: readonly LineageNode[];
  /** By the node that they lead to, and then as the inputs of its step are wired. */
  readonly edges: readonly LineageEdge[];
  /** The ids of nodes at which `depth` ended the walk although it went on from there. */
  readonly cutAt: readonly string[];
}

/** An edge whose beginning may not be known yet. */
export type DraftEdge = { -readonly [Field in keyof LineageEdge]: LineageEdge[Field] };

/** What a walk has found so far. */
export interface Found {
  readonly nodes: Map<string, LineageNode>;
  readonly edges: DraftEdge[];
  readonly cutAt: Set<string>;
}
