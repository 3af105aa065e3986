import { assetsFromGraph, define, graph, type Definitions } from '../../../index.ts';
import type { Handle } from '../../../lib/model/handle.ts';

/** Definitions of one graph whose outputs are assets and may be selected one by one. */
export function whole<R extends Readonly<Record<string, Handle>>>(
  body: () => R,
): Definitions<{ readonly [K in keyof R & string]: R[K] extends Handle<infer T> ? T : never }> {
  const made = define({ assets: [assetsFromGraph(graph('whole', body), { canSubset: true })] });
  // The keys are the names of the outputs, since nothing maps them.
  return made as unknown as Definitions<{ readonly [K in keyof R & string]: R[K] extends Handle<infer T> ? T : never }>;
}
