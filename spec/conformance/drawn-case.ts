/** What an input takes. */
export type Kind = 'value' | 'list' | 'nothing';

/** A case as JSON, before anybody has said what is expected of it; see README.md. */
export interface DrawnCase {
  readonly ops: Readonly<Record<string, DrawnOp>>;
  /** Each is one definition; its inputs are sources and assets of those before it. */
  readonly graphs: readonly DrawnGraph[];
  readonly upstream: Readonly<Record<string, number>>;
  readonly selections: readonly (readonly string[])[];
}

/** A graph of a drawn case, nested ones too. */
export interface DrawnGraph {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly steps: readonly DrawnStep[];
  readonly outputs: Readonly<Record<string, DrawnOutput>>;
}

/** An op of a drawn case. */
export interface DrawnOp {
  readonly ins: readonly (readonly [name: string, kind: Kind])[];
  readonly outs: readonly (readonly [name: string, isRequired: boolean])[];
  readonly body: string;
  readonly k: number;
}

/** An op or a graph at one place of a drawn case. */
export type DrawnStep = {
  readonly name: string;
  readonly in: Readonly<Record<string, DrawnRef | readonly DrawnRef[]>>;
} & ({ readonly op: string } | { readonly graph: DrawnGraph });

/** An output of a step. */
export interface DrawnOutput {
  readonly step: string;
  readonly out: string;
}

/** What may feed an input: an output of an earlier step of the same graph, or an input of the graph. */
export type DrawnRef = DrawnOutput | { readonly input: string };
