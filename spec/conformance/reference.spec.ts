import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { evaluate, type Answer, type Question, type State, type World } from '../kit/reference.ts';
import { readCase } from './case.ts';
import { vectorFiles } from './folder.ts';
import { compare, type Observed } from './play.ts';
import { worldOfCase } from './world-of-case.ts';

// The vectors come from elsewhere. So the reference of spec/kit, which everything is compared with, is compared with something too.

function observed(
  world: World,
  { missing, need, steps, loaded, outcomes, unexpected }: Answer,
  stored: ReadonlyMap<string, State>,
): Observed {
  const started = [...steps].filter(([, { outcome }]) => outcome === 'succeeded' || outcome === 'failed').map(([id]) => id);
  const withOutcome = (wanted: string): readonly string[] => [...steps].flatMap(([id, { outcome }]) => (outcome === wanted ? [id] : []));
  const values = [...outcomes, ...unexpected].flatMap(([key, state]) => (typeof state === 'object' ? [[key, state.value] as const] : []));
  const hasValue = (key: string): boolean => Object.hasOwn(world.sources, key) || typeof stored.get(key) === 'object';
  return {
    ...(missing.size > 0 ? { error: 'MISSING_VALUE' } : { success: withOutcome('failed').length === 0 }),
    executed: started,
    skipped: withOutcome('skipped'),
    failed: withOutcome('failed'),
    blocked: withOutcome('blocked'),
    selectedOutputs: new Map(started.map((id) => [id, [...(need.get(id) ?? [])]])),
    materialized: new Map(values),
    unexpected: [...unexpected.keys()],
    reused: [],
    unchanged: [],
    absent: [],
    state: new Map(),
    loaded: [...new Set(started.flatMap((id) => loaded.get(id) ?? []))].filter(hasValue),
  };
}

const folder = fileURLToPath(new URL('subset', import.meta.url));

for (const file of vectorFiles(folder)) {
  test(`${file}: the reference of the kit does what every run is expected to do`, () => {
    const mismatches: string[] = [];
    let runs = 0;
    for (const [index, line] of readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').entries()) {
      const shape = readCase(line, `${file}:${index + 1}`);
      const world = worldOfCase(shape);
      const everything = new Set(
        Object.values(world.steps).flatMap(({ outputs }) => Object.values(outputs).flatMap(({ asset }) => asset ?? [])),
      );
      const first: Question = {
        select: everything,
        unselectedOutputs: 'discard',
        inGraphUpstream: 'recompute',
        crossGraphUpstream: 'recompute',
        stored: new Map(),
      };
      const stored = new Map([...evaluate(world, first).outcomes].filter(([, state]) => state !== 'failed' && state !== 'blocked'));
      const { unselectedOutputs, inGraphUpstream } = shape.policy;
      const policy = {
        unselectedOutputs,
        inGraphUpstream: inGraphUpstream === 'load' ? 'load' : 'recompute',
        crossGraphUpstream: 'load',
      } as const;
      for (const { select, expect: expected } of shape.runs) {
        runs += 1;
        const answer = evaluate(world, { ...policy, select: new Set(select), stored });
        mismatches.push(
          ...compare(expected, observed(world, answer, stored)).map((each) => `${shape.id} select=[${select.join(', ')}] ${each}`),
        );
      }
    }
    expect(mismatches.slice(0, 20)).toEqual([]);
    expect(runs).toBeGreaterThan(1000);
  });
}
