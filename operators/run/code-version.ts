import type { Verification } from '../../lib/events/logged-event.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { Provision } from '../../lib/model/resource.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import { UNVERSIONED, type PlanIdentity } from '../../lib/plan/verification.ts';
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

/** What decides the code version of a step beside its op. */
export interface CodeScope {
  readonly defs: Definitions;
  /** Where resources come from, by name. */
  readonly resources: ReadonlyMap<string, Provision>;
}

/** The code version that a step's events carry: its op's, and those of the resources that the op needs, such as `2+model@2026-11`. */
export function codeVersionOf({ defs, resources }: CodeScope, { op }: Step): string {
  const own = op.codeVersion ?? sessionVersion(defs);
  const needed = new Set(Object.values(op.resources).map(({ name }) => name));
  if (needed.size === 0) return own;
  const versions = [...needed].toSorted().flatMap((name) => {
    const version = resources.get(name)?.version;
    return version === undefined ? [] : [`+${name}@${version}`];
  });
  return own + versions.join('');
}

/** The versions that code gets from elsewhere than its ops, by name: from the definitions object, and from resources. */
export function versionsOf(
  { defs, resources }: CodeScope,
  { hasUnversioned, resources: names }: Pick<PlanIdentity, 'hasUnversioned' | 'resources'>,
): Verification['versions'] {
  const own = hasUnversioned ? [[UNVERSIONED, sessionVersion(defs)] as const] : [];
  const needed = names.flatMap((name) => {
    const version = resources.get(name)?.version;
    return version === undefined ? [] : [[name, version] as const];
  });
  return Object.fromEntries([...own, ...needed]);
}
