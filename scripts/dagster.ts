/**
 * `npm run dagster -- [--count N] [--seed N]`: draws fresh cases, runs them in Dagster and in Sluice, and compares (SEMANTICS §9). Differences
 * that Sluice means are named and counted; any other is printed. Ends with `N passed, N failed`. Without Python, everything is skipped.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { memoryStore } from '../lib/memory/index.ts';
import { materialize } from '../index.ts';
import { Dagster, DAGSTER, dagsterPython, type DagsterRun } from '../spec/conformance/ask-dagster.ts';
import { buildCase } from '../spec/conformance/build.ts';
import { readCase } from '../spec/conformance/case.ts';
import { DEAD_STEPS, meantDifferences, withoutDeadSteps } from '../spec/conformance/differences.ts';
import { drawnCase } from '../spec/conformance/draw-case.ts';
import type { DrawnCase } from '../spec/conformance/drawn-case.ts';
import { playCase } from '../spec/conformance/play.ts';
import { fillMemory } from '../spec/conformance/stores.ts';
import { worldOfCase } from '../spec/conformance/world-of-case.ts';

const SHOWN = 20;
const policy = { unselectedOutputs: 'error', inGraphUpstream: 'load' } as const;

function caseWith(shape: DrawnCase, id: string, runs: readonly object[]): ReturnType<typeof readCase> {
  const { selections: _, ...rest } = shape;
  return readCase(JSON.stringify({ id, ...rest, policy, runs }), id);
}

/** What the store holds before each run: Dagster starts from the same values, as files of its own. */
async function storedBefore(shape: DrawnCase): Promise<Readonly<Record<string, unknown>>> {
  const store = memoryStore();
  const defs = buildCase(caseWith(shape, 'seed', []));
  await materialize(defs, {
    store,
    sources: shape.upstream,
    unselectedOutputs: 'discard',
    inGraphUpstream: 'recompute',
    throwOnFailure: false,
  });
  const keys = [...defs.assets.keys(), ...defs.sources.keys()];
  const values = await Promise.all(keys.map(async (key) => [key, await store.value(key)] as const));
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** What Sluice is expected to do, where Dagster ran. */
function expectedOf(run: DagsterRun): object {
  if (!('success' in run)) return { error: run.refused };
  const { failed, ...rest } = run;
  return { ...rest, failed: Object.keys(failed) };
}

interface Counts {
  agreed: number;
  /** For each run that differs as it is meant to: by which differences. */
  readonly meant: (readonly string[])[];
  readonly failed: string[];
}

async function compareCase(
  dagster: Dagster,
  { shape, id }: { readonly shape: DrawnCase; readonly id: string },
  counts: Counts,
): Promise<void> {
  const stored = await storedBefore(shape);
  const world = worldOfCase(caseWith(shape, id, []));
  const ran = await dagster.play({ ...shape, stored });
  const runs = shape.selections.map((select, index) => {
    const came = ran[index] ?? { refused: 'nothing', message: '' };
    const run = withoutDeadSteps(came, world, select);
    return { select, run, apart: run === came ? [] : [DEAD_STEPS] };
  });
  const expected = runs.map(({ select, run }) => ({ select, expect: expectedOf(run) }));
  const played = await playCase(caseWith(shape, id, expected), fillMemory);
  for (const [index, { select, run, apart }] of runs.entries()) {
    const mismatches = played[index]?.mismatches ?? ['nothing was played'];
    const meant = meantDifferences({ world, select, run, stored, mismatches });
    if (meant === undefined)
      counts.failed.push([`${id} select [${select.join(', ')}]`, ...mismatches, JSON.stringify(run), JSON.stringify(shape)].join('\n    '));
    else if (meant.length + apart.length > 0) counts.meant.push([...apart, ...meant]);
    else counts.agreed += 1;
  }
}

/** A whole number that was asked for; anything else ends here, and not in a comparison of nothing. */
function numberOf(name: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  process.stderr.write(`--${name} is "${text}". Give a whole number from ${least} on, such as: npm run dagster -- --count 100 --seed 1\n`);
  return process.exit(2);
}

const { values } = parseArgs({ options: { count: { type: 'string', default: '50' }, seed: { type: 'string' } } });
const count = numberOf('count', values.count, 1);
const seed = values.seed === undefined ? Math.trunc(Math.random() * 2 ** 31) : numberOf('seed', values.seed, 0);
const found = dagsterPython();
if ('missing' in found) {
  console.log(`Skipped: ${found.missing}.`);
  console.log(`0 passed, 0 failed, ${count} skipped`);
} else {
  const counts: Counts = { agreed: 0, meant: [], failed: [] };
  const dagster = new Dagster(found.python);
  for (const [index, shape] of fc.sample(drawnCase(), { numRuns: count, seed }).entries())
    await compareCase(dagster, { shape, id: `${seed}:${index}` }, counts);
  dagster.close();
  for (const line of counts.failed.slice(0, SHOWN)) console.log(line);
  console.log(`Dagster ${DAGSTER}, seed ${seed}: ${counts.agreed} runs agree, ${counts.meant.length} differ as they are meant to`);
  for (const name of new Set(counts.meant.flat()))
    console.log(`  ${counts.meant.filter((names) => names.includes(name)).length} × ${name}`);
  const meant = counts.meant.length;
  console.log(`${counts.agreed + meant} passed, ${counts.failed.length} failed`);
  if (counts.failed.length > 0) process.exitCode = 1;
}
