import { graph, isGraph, type AnyGraph, type Returned } from '../../lib/model/graph.ts';
import type { AnyOp, Op } from '../../lib/model/op.ts';
import { withoutHold, type Inputs, type Outputs } from '../../lib/model/port.ts';

/** An op as a graph of its own, with its inputs and outputs; a graph as it is. */
export function asGraph(target: AnyOp | AnyGraph): AnyGraph {
  if (isGraph(target)) return target;
  // Every input is wired to the op's own, so whatever their types are, they fit.
  const untyped = target as Op<Inputs, Outputs, false>;
  return graph(target.name, { inputs: withoutHold(target.inputs) }, (handles): Returned => untyped(handles as never)); // as above
}
