import type { Definitions } from '../../lib/model/definitions.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import { uniqueId } from './environment.ts';

const sessions = new WeakMap<Definitions, string>();

/**
 * What stands for the code version of an op that declares none: the same for as long as its definitions object lives, and never the same in
 * another process (F6).
 */
function sessionVersion(defs: Definitions): string {
  let version = sessions.get(defs);
  if (version === undefined) {
    version = `session:${uniqueId()}`;
    sessions.set(defs, version);
  }
  return version;
}

/** The code version that a step's events carry. */
export function codeVersionOf(defs: Definitions, { op }: Step): string {
  return op.codeVersion ?? sessionVersion(defs);
}
